"""How small a change flips a class: the nearest flip of several starts, at scoring quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mrd.criterion.null_and_ceiling import Reference
from mrd.models.base import Model
from mrd.search.constrained import Candidate
from mrd.search.flip import Flip, lead
from scenes.differences import DISTANCE
from scenes.scene import Scene

FARTHER = (
    1.0,
    1.1,
    1.25,
    1.5,
)  # shares of the way, tried in this order
HALVINGS = 6  # of the way back toward the target, to a sixty-fourth of it


@dataclass(frozen=True)
class Judged:
    """A scene with its distance from the target, and its class at every camera."""

    scene: Scene
    distance: float
    cameras: list[dict[str, Any]]

    @property
    def is_flipped(self) -> bool:
        """Whether every training camera is fooled."""
        return all(each["flipped"] for each in self.cameras if not each["held_out"])


Judge = Callable[[Scene], Judged]


@torch.no_grad()
def classes(
    against: Reference, model: Model, images: torch.Tensor, label: int | None
) -> list[dict[str, Any]]:
    """Class of a scene at every camera beside that of the target.

    Parameters
    ----------
    against
        The target's images and its classes.
    model
        That sorts images into classes.
    images
        Of the scene, (C, 3, H, W), display-encoded, at scoring quality.
    label
        The class that was asked for; None: any that no image of the target gets.

    Returns
    -------
    list of dict
        A camera each: ``camera``, ``held_out``; ``target`` (classes that images of the target
        get), ``label`` of the scene and its ``probability`` (softmax); ``flipped``.
    """
    logits = model.logits(images)
    if logits is None or against.labels is None:
        raise ValueError(f"{model.name} has no classes")
    own = own_classes(against)
    leads = lead(logits, own, label).tolist()
    probability, found = logits.softmax(dim=1).max(dim=1)
    return [
        {
            "camera": view.name,
            "held_out": view.held_out,
            "target": own[c],
            "label": int(found[c]),
            "probability": float(probability[c]),
            "flipped": leads[c] > 0,
        }
        for c, view in enumerate(against.views)
    ]


def own_classes(against: Reference) -> list[list[int]]:
    """Classes that images of the target get at every camera, that of its first image first."""
    if against.labels is None:
        raise ValueError("the model has no classes")
    return [list(dict.fromkeys(column.tolist())) for column in against.labels.T]


def smallest(
    search: Flip, starts: int, judge: Judge, confirm: Judge
) -> tuple[Scene, dict[str, Any]]:
    """Judge the nearest place of each start, and go back toward the target as far as it stays.

    The nearest of many that are judged has the luckiest noise: it is judged once more, with noise
    that had no part in the choice, and the next takes its place where it turns back.

    Parameters
    ----------
    search
        Run to its end.
    starts
        How many it had.
    judge, confirm
        Judge a scene at scoring quality, each with noise of its own.

    Returns
    -------
    Scene
        The nearest that is flipped; where none is, where the search ended.
    dict
        ``distance`` (None where nothing flips) and its ``measure``; ``bound``: a longer search may
        come nearer; ``starts``: the distance of each, None where it was not flipped.
    """
    end = search.scene()  # before the search is moved to what is judged
    found = {
        start: _stepped_back(search, candidate, judge)
        for start, candidate in sorted(search.candidates().items())
    }
    flipped = {start: each for start, each in found.items() if each is not None}
    told = {
        "measure": DISTANCE[search.config.attributes[0]],
        "bound": "upper",
        "starts": [
            flipped[start].distance if start in flipped else None for start in range(starts)
        ],
    }
    for each in sorted(flipped.values(), key=lambda each: each.distance):
        if confirm(each.scene).is_flipped:
            return each.scene, {"distance": each.distance, **told}
    return end, {"distance": None, **told}


def _stepped_back(search: Flip, candidate: Candidate, judge: Judge) -> Judged | None:
    """The nearest that is flipped on the straight way through a candidate, by halving."""

    def at(share: float) -> Judged:
        return judge(search.scene_at(candidate, share))

    low = 0.0
    for high in FARTHER:
        best = at(high)
        if best.is_flipped:
            break
        low = high
    else:
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        here = at(middle)
        if here.is_flipped:
            best, high = here, middle
        else:
            low = middle
    return best


def random_changes(
    along: Sequence[Callable[[float], Scene | None]], distance: float, judge: Judge
) -> dict[str, int]:
    """Count how many random changes of the same size flip the class too.

    Parameters
    ----------
    along
        Random directions: each gives the scene at a distance, None where it does not reach.
    distance
        From the target, of the flip.
    judge
        Judges a scene.

    Returns
    -------
    dict
        ``flipped`` ``of`` how many that could be made.
    """
    scenes = [scene for scene in (way(distance) for way in along) if scene is not None]
    return {"flipped": sum(judge(scene).is_flipped for scene in scenes), "of": len(scenes)}

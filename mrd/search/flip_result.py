"""The size of the smallest change that flips a class, at scoring quality."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mrd.criterion.null_and_ceiling import Reference
from mrd.models.base import Model
from mrd.search.constrained import Constrained, FeasiblePlace
from mrd.search.loop import Search
from scenes.differences import DISTANCE
from scenes.scene import Scene

FARTHER = (1.0, 1.1, 1.25, 1.5)  # shares of the way to a place, attempted in this order
HALVINGS = 6  # of the way back toward the target, to a sixty-fourth of it


@dataclass(frozen=True)
class ClassifiedScene:
    """A scene with its distance from the target, and its class at every camera."""

    scene: Scene
    distance: float
    cameras: list[dict[str, Any]]

    @property
    def is_flipped(self) -> bool:
        """Whether the class is flipped at every training camera."""
        return all(each["flipped"] for each in self.cameras if not each["held_out"])


Classify = Callable[[Scene], ClassifiedScene]


def lead(logits: torch.Tensor, own: Sequence[Sequence[int]], label: int | None) -> torch.Tensor:
    """Return by how much the best wanted class leads the best other one, (V,) logits.

    `logits` is (V, classes). Wanted is `label`, or any class but the target's at that view, `own`.
    """
    wanted = torch.zeros_like(logits, dtype=torch.bool)
    if label is None:
        for row, classes in zip(wanted, own, strict=True):
            row[:] = True
            row[list(classes)] = False
    else:
        wanted[:, label] = True
    low = torch.finfo(logits.dtype).min
    best = logits.masked_fill(~wanted, low).amax(dim=1)
    return best - logits.masked_fill(wanted, low).amax(dim=1)


@torch.no_grad()
def camera_classes(
    against: Reference, model: Model, images: torch.Tensor, label: int | None
) -> list[dict[str, Any]]:
    """Return the classes of a scene's images (C, 3, H, W) beside those of the target.

    One entry per camera: ``camera``, ``held_out``; ``target`` (classes that images of the target
    get), ``label`` of the scene and its ``probability`` (softmax); ``flipped``.
    """
    logits = model.logits(images)
    if logits is None:
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
    """Return the classes of the target's images at every camera, that of its first image first."""
    if against.labels is None:
        raise ValueError("the model has no classes")
    return [list(dict.fromkeys(column.tolist())) for column in against.labels.T]


def smallest_flip(
    mode: Constrained, search: Search, classify: Classify, confirm: Classify
) -> tuple[Scene, dict[str, Any]]:
    """Return the nearest flipped scene; if nothing is flipped, the scene where the search ended.

    From the kept place of each start, the search goes back toward the target while the class stays
    flipped. The nearest of many scenes owes its class in part to noise: so it has to stay flipped
    once more, by `confirm`, with independent noise, and if it does not the next is taken.

    The dict holds ``distance`` (None if nothing flips) and its ``measure``; ``bound``: a longer
    search may come nearer; ``starts``: the distance of each, None if it was not flipped.
    """
    end = search.scene()  # before the search is moved
    found = {
        number: _stepped_back(mode, search, place, classify)
        for number, place in sorted(mode.places.items())
    }
    flipped = {number: each for number, each in found.items() if each is not None}
    size = {
        "measure": DISTANCE[search.config.attributes[0]],
        "bound": "upper",
        "starts": [
            flipped[number].distance if number in flipped else None
            for number in range(search.config.restarts)
        ],
    }
    for each in sorted(flipped.values(), key=lambda each: each.distance):
        if confirm(each.scene).is_flipped:
            return each.scene, {"distance": each.distance, **size}
    return end, {"distance": None, **size}


def _stepped_back(
    mode: Constrained, search: Search, place: FeasiblePlace, classify: Classify
) -> ClassifiedScene | None:
    """Return the nearest flipped scene on the straight line through a place, by halving."""

    def at(share: float) -> ClassifiedScene:
        return classify(mode.scene_at(search, place, share))

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
        found = at(middle)
        if found.is_flipped:
            best, high = found, middle
        else:
            low = middle
    return best


def count_random_flips(
    directions: Sequence[Callable[[float], Scene | None]], distance: float, classify: Classify
) -> dict[str, int]:
    """Return how many random changes flip the class, and of how many that reach the distance."""
    scenes = [scene for scene in (scene_at(distance) for scene_at in directions) if scene]
    return {"flipped": sum(classify(scene).is_flipped for scene in scenes), "of": len(scenes)}

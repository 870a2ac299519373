"""The size of the smallest change that flips a class, that is, gives another class."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from mrd.criterion.criterion import APPLIES, class_rule
from mrd.criterion.null_and_ceiling import Reference
from mrd.models.base import Model
from mrd.search.constrained import Constrained, Place
from mrd.search.loop import Search
from scenes.differences import DISTANCE
from scenes.scene import Scene

FARTHER = (1.0, 1.1, 1.25, 1.5)  # positions attempted in this order: 0 is the target, 1 the place
HALVINGS = 6  # of the interval between target and flipped scene, down to 1/64 of it


@dataclass(frozen=True)
class ClassifiedScene:
    """A scene, its distance from the target, and a record of its class at every camera."""

    scene: Scene
    distance: float
    cameras: list[dict[str, Any]]

    @property
    def is_flipped(self) -> bool:
        """Whether the class is flipped at every training camera."""
        return all(each["flipped"] for each in self.cameras if not each["held_out"])


Classify = Callable[[Scene], ClassifiedScene]


def lead(logits: torch.Tensor, own: Sequence[Sequence[int]], label: int | None) -> torch.Tensor:
    """Return the largest logit of wanted classes minus that of the other classes, (V,).

    `logits` is (V, classes). Wanted is `label` or, if it is None, any class that the target does
    not have at that view; `own` are the classes of the target at each view.
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
    against: Reference, model: Model, images: torch.Tensor, label: int | None, least: float
) -> list[dict[str, Any]]:
    """Return, for each camera, the class of a scene's image and the classes of the target.

    `images` is (C, 3, H, W), and `least` the least probability of a stable class. Keys of an entry:
    ``camera``, ``held_out``; ``target`` (classes of the target's images), ``target_probability``
    (their mean), ``target_stable`` (whether the class rule of the criterion applies); ``label``
    (class of the scene) and its ``probability`` (softmax); ``flipped``.
    """
    logits = model.logits(images)
    if logits is None or against.probabilities is None:
        raise ValueError(f"{model.name} has no classes")
    own, certainty = own_classes(against), against.probabilities.mean(axis=0).tolist()
    leads = lead(logits, own, label).tolist()
    probability, labels = logits.softmax(dim=1).max(dim=1)
    return [
        {
            "camera": view.name,
            "held_out": view.held_out,
            "target": own[c],
            "target_probability": certainty[c],
            "target_stable": class_rule(own[c], certainty[c], least) == APPLIES,
            "label": int(labels[c]),
            "probability": float(probability[c]),
            "flipped": leads[c] > 0,
        }
        for c, view in enumerate(against.views)
    ]


def stable_classes(against: Reference, least: float) -> list[int | None]:
    """Return the target's class at every camera where the class rule applies, else None.

    `least` is the least probability of a stable class.
    """
    if against.labels is None:
        return [None] * len(against.views)
    known = against.probabilities
    certainty = [None] * len(against.views) if known is None else known.mean(axis=0).tolist()
    return [
        own[0] if class_rule(own, mean, least) == APPLIES else None
        for own, mean in zip(own_classes(against), certainty, strict=True)
    ]


def own_classes(against: Reference) -> list[list[int]]:
    """Return the classes of the target's images at every camera, that of the first image first."""
    if against.labels is None:
        raise ValueError("the model has no classes")
    return [list(dict.fromkeys(column.tolist())) for column in against.labels.T]


def smallest_flip(
    mode: Constrained, search: Search, classify: Classify, confirm: Classify
) -> tuple[Scene, dict[str, Any]]:
    """Return the nearest flipped scene; if nothing is flipped, the scene where the search ended.

    From the best place (values of the variables) of each start, scenes nearer to the target are
    classified as long as the class stays flipped. The nearest of many scenes may be flipped by
    chance, through noise: so it has to be flipped again by `confirm`, with independent noise; if it
    is not, the next nearest has to be.

    Keys of the dict: ``distance`` (None if nothing is flipped), ``measure`` (the kind of distance),
    ``bound`` (an upper one: a longer search may come nearer), and ``starts``: the distance of each
    start, None if it has no flipped scene.
    """
    end = search.scene()  # before the variables are changed below
    nearest = {
        number: _stepped_back(mode, search, place, classify)
        for number, place in sorted(mode.places.items())
    }
    flipped = {number: each for number, each in nearest.items() if each is not None}
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
    mode: Constrained, search: Search, place: Place, classify: Classify
) -> ClassifiedScene | None:
    """Return the nearest flipped scene on the line from target through place, by bisection."""

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
        between = at(middle)
        if between.is_flipped:
            best, high = between, middle
        else:
            low = middle
    return best


def count_random_flips(
    directions: Sequence[Callable[[float], Scene | None]], distance: float, classify: Classify
) -> dict[str, int]:
    """Return how many random changes of size `distance` flip the class, and of how many."""
    scenes = [scene for scene in (scene_at(distance) for scene_at in directions) if scene]
    return {"flipped": sum(classify(scene).is_flipped for scene in scenes), "of": len(scenes)}

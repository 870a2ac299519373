"""`mode: flip`: the smallest physical change that changes a class.

minimise D(x) subject to lead_c(x) ≥ 0 at every training camera c (`mrd.search.constrained`). The
lead is the logit of the wanted class minus the largest other logit. If no class is requested, it
is the largest logit of the classes that no image of the target gets, minus the largest of those
that some do (Carlini & Wagner 2017). Its unit is the target's own (negative) lead at that camera,
so that networks with large and small logits are searched alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mrd.criterion.bench import Bench
from mrd.criterion.verdict import Scorer
from mrd.models.base import Model
from mrd.models.classifier import LOGITS, Classifier
from mrd.search.constrained import Constrained
from mrd.search.control_reach import scenes_along
from mrd.search.flip_result import (
    ClassifiedScene,
    camera_classes,
    count_random_flips,
    lead,
    smallest_flip,
)
from mrd.search.loop import Search, StepActivations
from mrd.search.variables.base import Variables
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError
from scenes.differences import DISTANCE, scene_difference
from scenes.scene import Scene

MARGIN = 0.05  # in units of the target's lead, so that the noise of a score does not undo a flip
LEAST_UNIT = 1.0  # logits: unit of a target that almost has another class
GAIN = 1.01  # least ratio of distances that counts as nearer
RANDOM_CHANGES = 5  # number of random changes of the size of a flip

# Noise indices of independent sets of renders; the final one is that of the run's images.
CHOOSING, CONFIRMING, FINAL = 1, 2, 0


class Flip(Constrained):
    """Minimise the distance from the target at which another class is seen.

    `own` are the classes that images of the target get at each training camera; `label` is the
    wanted class, or None for any other.
    """

    sign, first_pace, slack, no_gain = -1, 1.0, MARGIN, "no nearer"
    translation_counts = True

    def __init__(self, own: Sequence[Sequence[int]], label: int | None) -> None:
        self._own, self._label = own, label

    def model(self, config: ModelConfig, bench: Bench) -> Model:  # noqa: ARG002
        """Return the model with its logits."""
        return Classifier(bench.model)

    def prepare(self, search: Search) -> None:
        """Measure the target's lead; refuse a label that the target has."""
        for view, classes in zip(search.views, self._own, strict=True):
            if self._label in classes:
                raise InputError(
                    f"label = {self._label}: images of the target get that class at camera "
                    f"{view.name} already; choose another"
                )
        lack = -lead(search.targets[LOGITS], self._own, self._label)
        self._unit = lack.clamp(min=LEAST_UNIT)

    def condition(self, step: StepActivations) -> torch.Tensor:
        """Return by how much each lead (V,) is below its margin."""
        own = [self._own[camera] for camera in step.views]
        return MARGIN - lead(step.rendered[LOGITS], own, self._label) / self._unit[step.views]

    def is_gain(self, distance: float, before: float) -> bool:
        """Return whether a distance is smaller."""
        return GAIN * distance < before

    @torch.no_grad()
    def hold_fixed(self, variables: Sequence[Variables]) -> None:
        """Hold the place of a turned object: the distance of a pose does not count a shift."""
        for each in variables:
            place = each.tensors.get("translation")
            if place is not None:
                place.zero_()
                place.grad = None

    def result(self, search: Search, scorer: Scorer) -> tuple[Scene, dict[str, Any]]:
        """Return the smallest flip, its classes, and how many random changes flip the class."""
        run, target = scorer.run, scorer.target
        attribute = run.search.attributes[0]

        def classify(noise: int, scene: Scene) -> ClassifiedScene:
            difference = scene_difference(target, scene, (attribute,), run.generator("difference"))
            images = scorer.images(scene, noise)
            rows = camera_classes(scorer.against, scorer.bench.model, images, self._label)
            return ClassifiedScene(scene, float(difference[attribute][DISTANCE[attribute]]), rows)

        result, flip = smallest_flip(
            self,
            search,
            lambda scene: classify(CHOOSING, scene),
            lambda scene: classify(CONFIRMING, scene),
        )
        flip |= {"label": self._label, "cameras": classify(FINAL, result).cameras}
        if flip["distance"] is not None:
            rng = run.generator("random changes")
            seed = int(run.generator("difference").integers(2**31))
            flip["random_changes"] = count_random_flips(
                [scenes_along(target, run.search, rng, seed) for _ in range(RANDOM_CHANGES)],
                flip["distance"],
                lambda scene: classify(FINAL, scene),
            )
        return result, {"flip": flip}

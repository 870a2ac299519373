"""`mode: flip`: find the smallest physical change of the target that changes its class.

minimise the distance D(x) from the target subject to lead_c(x) ≥ 0 at every training camera c
(`mrd.search.constrained`). The lead is the logit of the wanted class minus the largest other logit
(Carlini & Wagner 2017). If the study wants no particular class, the wanted classes are all that the
model assigns to no image of the target. The lead is divided by the size of that of the target,
which is negative, at the same camera, so that the range of a network's logits does not matter.
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
from mrd.search.loop import Search
from mrd.search.step import StepActivations
from mrd.search.variables.base import Variables
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError
from scenes.differences import DISTANCE, scene_difference
from scenes.scene import Scene

MARGIN = 0.05  # least lead, in units of the target's, so that noise of the score undoes no flip
LEAST_UNIT = 1.0  # logits: least unit, for a target that almost has another class
GAIN = 1.01  # least ratio of two distances that counts as an improvement
RANDOM_CHANGES = 5  # number of random changes of the size of a flip

# Noise indices of three independent sets of renders. Images of the run have the final one.
CHOOSING, CONFIRMING, FINAL = 1, 2, 0


class Flip(Constrained):
    """Minimise the distance from the target, under the condition that the class is another one.

    `own` are, for each training camera, the classes of the target's images; `label` is the number
    of the wanted class, or None for any class not in `own`.
    """

    sign, first_pace, slack, no_gain = -1, 1.0, MARGIN, "no smaller distance"
    translation_counts = True

    def __init__(self, own: Sequence[Sequence[int]], label: int | None) -> None:
        self._own, self._label = own, label

    def model(self, config: ModelConfig, bench: Bench) -> Model:  # noqa: ARG002
        """Return the model with its class logits as a further layer."""
        return Classifier(bench.model)

    def prepare(self, search: Search) -> None:
        """Measure the target's lead; raise InputError if it has the wanted class already."""
        for view, classes in zip(search.views, self._own, strict=True):
            if self._label in classes:
                raise InputError(
                    f"label = {self._label}: images of the target get that class at camera "
                    f"{view.name} already; choose another"
                )
        lack = -lead(search.targets[LOGITS], self._own, self._label)
        self._unit = lack.clamp(min=LEAST_UNIT)

    def condition(self, step: StepActivations) -> torch.Tensor:
        """Return how far the lead at each view (V,) is below `MARGIN`, in units of the target's."""
        own = [self._own[camera] for camera in step.views]
        return MARGIN - lead(step.rendered[LOGITS], own, self._label) / self._unit[step.views]

    def is_gain(self, distance: float, before: float) -> bool:
        """Return whether a distance is smaller by at least the factor `GAIN`."""
        return GAIN * distance < before

    @torch.no_grad()
    def hold_fixed(self, variables: Sequence[Variables]) -> None:
        """Undo shifts of the object in a pose search: the distance of a pose is its angle alone."""
        for each in variables:
            translation = each.tensors.get("translation")
            if translation is not None:
                translation.zero_()
                translation.grad = None

    def result(self, search: Search, scorer: Scorer) -> tuple[Scene, dict[str, Any]]:
        """Return the scene of the smallest flip, and its record: size, classes, random changes."""
        run, target = scorer.run, scorer.target
        attribute = run.search.attributes[0]

        def classify(noise: int, scene: Scene) -> ClassifiedScene:
            difference = scene_difference(target, scene, (attribute,), run.generator("difference"))
            images = scorer.images(scene, noise)
            least = run.search.criterion.class_probability
            rows = camera_classes(scorer.against, scorer.bench.model, images, self._label, least)
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

"""The score of a scene against its target: the criterion at all cameras, physical difference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mrd.criterion.bench import Bench, display_images
from mrd.criterion.criterion import Measures, Verdict, judge, match, measures, target_again
from mrd.criterion.null_and_ceiling import Reference
from mrd.criterion.recovery import recovery
from mrd.models.trial import finite_activations
from mrd.study.resolved_run import ResolvedRun
from mrd.study.search_section import SearchConfig
from scenes.camera import Camera
from scenes.differences import MEASURE_UNITS, scene_difference
from scenes.scene import Scene


def training(views: Sequence[Camera]) -> list[int]:
    """Return the indices of the cameras that a search sees."""
    return [index for index, view in enumerate(views) if not view.held_out]


def held_out(views: Sequence[Camera]) -> list[int]:
    """Return the indices of the cameras that a search never sees."""
    return [index for index, view in enumerate(views) if view.held_out]


def mean_match(against: Reference) -> Callable[[float], float]:
    """Return the function from similarity to match, both averaged over the training cameras."""
    train = training(against.views)
    null, ceiling = (
        measured["pearson"][:, train].mean(axis=1, keepdims=True)
        for measured in (against.null, against.ceiling)
    )
    return lambda s: float(match(np.array([s]), null, ceiling)[0])


@dataclass(frozen=True)
class Scorer:
    """Scores scenes of a run.

    `against` has the null and ceiling of the target. `target` has the representation of the search,
    and its exposure is a number. The model of `bench` has the scored layers, without guides.
    """

    run: ResolvedRun
    target: Scene
    against: Reference
    bench: Bench

    def images(self, scene: Scene, noise: int) -> torch.Tensor:
        """Render display images (C, 3, H, W) at scoring quality, with the noise of an index."""
        stage = self.bench.stage(scene)
        return display_images(stage, self.against.views, self.run.search.samples.score, noise)

    @torch.no_grad()
    def score(
        self, scene: Scene, images: torch.Tensor, floor: float | None = None
    ) -> dict[str, Any]:
        """Return the content of `criterion.json` for a scene with these images.

        It has a verdict over the training and over the held-out cameras, and the physical
        difference from the target. `floor` replaces that of the study.
        """
        run, against, model = self.run, self.against, self.bench.model
        names = [f"the result at camera {view.name}" for view in against.views]
        similarity = measures(against.activations, finite_activations(model, images, names))
        labels = model.labels(images)
        verdicts = {
            group: verdict_over(run.search, against, similarity, labels, rows(against.views), floor)
            for group, rows in (("training", training), ("held_out", held_out))
        }
        difference = scene_difference(
            self.target, scene, run.search.attributes, run.generator("difference")
        )
        again = target_again(difference)
        is_metamer = verdicts["training"].metamer and not again
        return {
            "schema_version": 1,
            "verdict": "metamer" if is_metamer else "result",
            "target_again": again,
            "model": model.record(),
            "target": self.target.sha256,
            "result": scene.sha256,
            "samples": run.search.samples.score,
            **{group: verdict.as_json() for group, verdict in verdicts.items()},
            "physical_difference": difference,
            "recovery": {
                "recovered": verdicts["training"].metamer and again,
                "errors": recovery(difference, run.search),
                "units": {attribute: MEASURE_UNITS[attribute] for attribute in difference},
            },
        }


def verdict_over(
    search: SearchConfig,
    against: Reference,
    similarity: Measures,
    labels: torch.Tensor | None,
    rows: list[int],
    floor: float | None = None,
) -> Verdict:
    """Return the verdict of the criterion over the cameras with the indices `rows`.

    `floor` replaces that of the search.
    """
    names = [against.views[c].name for c in rows]
    result = {name: values[rows] for name, values in similarity.items()}
    null, ceiling = (
        {name: values[:, rows] for name, values in measured.items()}
        for measured in (against.null, against.ceiling)
    )
    labels_target, probabilities = (
        None if each is None else each[:, rows] for each in (against.labels, against.probabilities)
    )
    return judge(
        names,
        result,
        null,
        ceiling,
        search.criterion.floor if floor is None else floor,
        labels_target,
        None if labels is None else labels[rows].tolist(),
        probabilities,
        search.criterion.class_probability,
    )

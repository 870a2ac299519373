"""A scene judged against its target: the criterion over cameras, and the physical difference."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from mrd.criterion.criterion import Measures, Verdict, judge, measures, target_again
from mrd.criterion.null_and_ceiling import Reference
from mrd.models.base import Model
from mrd.models.trial import finite_activations
from mrd.study.search_section import SearchConfig
from mrd.study.study import ResolvedRun
from scenes.camera import Camera
from scenes.differences import scene_difference
from scenes.scene import Scene


def training(views: Sequence[Camera]) -> list[int]:
    """Indices of the cameras that a search sees."""
    return [index for index, view in enumerate(views) if not view.held_out]


def held_out(views: Sequence[Camera]) -> list[int]:
    """Indices of the cameras that it never sees."""
    return [index for index, view in enumerate(views) if view.held_out]


@torch.no_grad()
def judged(
    run: ResolvedRun,
    target: Scene,
    result: Scene,
    images: torch.Tensor,
    against: Reference,
    model: Model,
) -> dict[str, Any]:
    """What `criterion.json` holds of a scene: both verdicts, and the physical difference.

    Parameters
    ----------
    run
        The run.
    target, result
        Exposed, in the search's representation.
    images
        Of the result, (C, 3, H, W), display-encoded, at scoring quality.
    against
        Null, ceiling and activations of the target.
    model
        The judged one.
    """
    names = [f"the result at camera {view.name}" for view in against.views]
    similarity = measures(against.activations, finite_activations(model, images, names))
    labels = model.labels(images)
    verdicts = {
        group: verdict_over(run.search, against, similarity, labels, rows(against.views))
        for group, rows in (("training", training), ("held_out", held_out))
    }
    difference = scene_difference(
        target, result, run.search.attributes, run.generator("difference")
    )
    again = target_again(difference)
    kind = "metamer" if verdicts["training"].metamer and not again else "result"
    return {
        "schema_version": 1,
        "verdict": kind,
        "target_again": again,
        "model": model.record(),
        "target": target.sha256,
        "result": result.sha256,
        "samples": run.search.samples.score,
        **{group: verdict.as_json() for group, verdict in verdicts.items()},
        "physical_difference": difference,
    }


def verdict_over(
    search: SearchConfig,
    against: Reference,
    similarity: Measures,
    labels: torch.Tensor | None,
    rows: list[int],
) -> Verdict:
    """The criterion over some of the cameras."""
    names = [against.views[c].name for c in rows]
    here = {name: values[rows] for name, values in similarity.items()}
    null, ceiling = (
        {name: values[:, rows] for name, values in measured.items()}
        for measured in (against.null, against.ceiling)
    )
    before = None if against.labels is None else against.labels[:, rows]
    after = None if labels is None else labels[rows].tolist()
    return judge(names, here, null, ceiling, search.criterion.floor, before, after)

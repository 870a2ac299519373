"""Apply the criterion to the stored images of a set; return verdicts as rows of plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mrd.criterion.criterion import Judgement, Measures, Verdict, judge, target_again
from mrd.study.criterion_section import ScoringRule
from mrd.study.storage import plain
from scenes.differences import DISTANCE


@dataclass(frozen=True)
class ComparedScene:
    """A scene that is compared with the target: one of its rows, and an image at each camera."""

    row: pd.Series
    images: Sequence[Any]


@dataclass(frozen=True)
class StoredReference:
    """The values that scenes of a family are compared with, under one light of C cameras."""

    cameras: Sequence[str]
    held_out: Mapping[str, bool]  # by camera: whether no search used it
    null: Measures  # of N null scenes, (N, C)
    ceiling: Measures  # of K other renders of the target, (K, C)
    # Classes of the target's first and other images, and their probabilities, (1 + K, C).
    labels: np.ndarray | None
    probabilities: np.ndarray | None
    rule: ScoringRule
    layers: str  # over which the measures are averaged, joined by ";"


def verdict_rows(
    scene: ComparedScene,
    similarity: Measures,
    labels: Sequence[int] | None,
    reference: StoredReference,
) -> list[dict[str, Any]]:
    """Return the verdict on a scene, one row per camera; NaN and infinity become None.

    `similarity` contains the measures (C,) of scene and target, and `labels` the scene's class at
    each camera. ``metamer`` is the verdict over all training or all held-out cameras; it is never
    true if the scene is the target itself.
    """
    again = _is_target_again(scene.row)
    rows: list[dict[str, Any]] = []
    for group in (False, True):
        chosen = [
            c for c, name in enumerate(reference.cameras) if reference.held_out[name] == group
        ]
        if not chosen:
            continue
        own, null, ceiling = (
            {name: values[..., chosen] for name, values in measured.items()}
            for measured in (similarity, reference.null, reference.ceiling)
        )
        verdict = judge(
            [reference.cameras[c] for c in chosen],
            own,
            null,
            ceiling,
            reference.rule.floor,
            None if reference.labels is None else reference.labels[:, chosen],
            None if labels is None else [labels[c] for c in chosen],
            None if reference.probabilities is None else reference.probabilities[:, chosen],
            reference.rule.class_probability,
        )
        rows += [
            _row(scene.row, judgement, verdict, group, again, reference.layers)
            for judgement in verdict.judgements
        ]
    return rows


def _row(
    row: pd.Series, judgement: Judgement, verdict: Verdict, held_out: bool, again: bool, layers: str
) -> dict[str, Any]:
    """Return the verdict on a scene at one camera, as the set stores it."""
    values = {
        "run": row["run"],
        "role": row["role"],
        "level": row["level"],
        "level_index": int(row["level_index"]),
        "light": row["light"],
        "layers": layers,
        "camera": judgement.camera,
        "held_out": held_out,
        "metamer": verdict.metamer and not again,
        "target_again": again,
        "passed": judgement.passed,
        "failed": judgement.failed,
        "match": judgement.match,
        **judgement.measures,
        "null_mean": judgement.null_mean,
        **{f"null_maximum_{name}": value for name, value in judgement.null_maximum.items()},
        "ceiling_mean": judgement.ceiling_mean,
        "labels_target": ";".join(map(str, judgement.labels_target)) or None,
        "probability_target": judgement.probability_target,
        "label_result": judgement.label_result,
        "class_rule": judgement.class_rule,
        "floor": verdict.floor,
        "class_probability": verdict.class_probability,
        "null_size": verdict.null_size,
        "ceiling_size": verdict.ceiling_size,
    }
    as_json: dict[str, Any] = plain(values)
    return as_json


def _is_target_again(row: pd.Series) -> bool:
    """Return whether a scene is physically the target, by the distances in the table."""
    difference = {
        attribute: {DISTANCE[attribute]: float(row[f"distance_{attribute}"])}
        for attribute in str(row["attribute"]).split("+")
    }
    if "pose" in difference:
        difference["pose"]["translation"] = float(row["distance_translation"])
    return target_again(difference)

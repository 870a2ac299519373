"""The criterion on the images of a set: what it says of a scene, as rows of plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mrd.criterion.criterion import Judgement, Measures, Verdict, judge, target_again
from mrd.study.storage import plain
from scenes.differences import DISTANCE


@dataclass(frozen=True)
class Candidate:
    """A scene that is compared with the target: one of its rows, and an image at each camera."""

    row: pd.Series
    images: Sequence[Any]


@dataclass(frozen=True)
class Judged:
    """What scenes of a family are judged against, under one light.

    Parameters
    ----------
    cameras
        Their names.
    held_out
        Camera → whether no search saw it.
    null, ceiling
        Measures of null scenes (N, C) and of other images of the target (K, C).
    labels
        Classes of the target's first image and of its other images, (1 + K, C), or None.
    floor
        Least match of a metamer.
    layers
        Over which the measures were averaged, joined by ``;``.
    """

    cameras: Sequence[str]
    held_out: Mapping[str, bool]
    null: Measures
    ceiling: Measures
    labels: np.ndarray | None
    floor: float
    layers: str


def rows_of(
    candidate: Candidate, similar: Measures, labels: Sequence[int] | None, against: Judged
) -> list[dict[str, Any]]:
    """Judge a scene, training cameras and held-out ones apart.

    Parameters
    ----------
    candidate
        The scene.
    similar
        Its measures against the target, each (C,).
    labels
        Its classes at each camera, or None.
    against
        Null, ceiling and target.

    Returns
    -------
    list of dict
        A row a camera, NaN and infinity as None. ``metamer`` is the verdict over all cameras of
        the row's group (training or held out), and never true of the target again.
    """
    again = _is_target_again(candidate.row)
    rows: list[dict[str, Any]] = []
    for group in (False, True):
        chosen = [c for c, name in enumerate(against.cameras) if against.held_out[name] == group]
        if not chosen:
            continue
        here, null, ceiling = (
            {name: values[..., chosen] for name, values in measured.items()}
            for measured in (similar, against.null, against.ceiling)
        )
        verdict = judge(
            [against.cameras[c] for c in chosen],
            here,
            null,
            ceiling,
            against.floor,
            None if against.labels is None else against.labels[:, chosen],
            None if labels is None else [labels[c] for c in chosen],
        )
        rows += [
            _row(candidate.row, judgement, verdict, group, again, against.layers)
            for judgement in verdict.judgements
        ]
    return rows


def _row(
    row: pd.Series, judgement: Judgement, verdict: Verdict, held_out: bool, again: bool, layers: str
) -> dict[str, Any]:
    found = {
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
        "label_result": judgement.label_result,
        "floor": verdict.floor,
        "null_size": verdict.null_size,
        "ceiling_size": verdict.ceiling_size,
    }
    row_of_json: dict[str, Any] = plain(found)
    return row_of_json


def _is_target_again(row: pd.Series) -> bool:
    """Whether the scene is physically the target, by the distances of the table."""
    difference = {
        attribute: {DISTANCE[attribute]: float(row[f"distance_{attribute}"])}
        for attribute in str(row["attribute"]).split("+")
    }
    if "pose" in difference:
        difference["pose"]["translation"] = float(row["distance_translation"])
    return target_again(difference)

"""When is a result a metamer of its target? Pure functions on measures of similarity.

The criterion follows Feather et al. (2023) with a null of scenes: at every camera each of three
measures must beat the maximum of its null, the class must be one that images of the target get, and
the match, the place of the similarity between null and ceiling, must reach a floor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mrd.criterion.similarity import flattened, pearson, snr_db, spearman

LABEL_RULE = "a class that images of the target get"

MEASURES = {"pearson": pearson, "spearman": spearman, "snr_db": snr_db}

# With less room than this between null and ceiling, a match means nothing.
LEAST_ROOM = 0.02

# Physically nearer than this a result is the target again, whatever a model says of it:
# a hundredth of the target's radius, a twentieth of a natural log unit, a degree, a hundredth of a
# scene unit. Of a pose both count: a move without a turn is another pose.
LEAST_DIFFERENCE = {
    "chamfer": 0.01,
    "rms_log_reflectance": 0.05,
    "rms_log_radiance": 0.05,
    "angle": 1.0,
    "translation": 0.01,
}

MOST_PLACES = 18  # with these, any two numbers about 1 are told apart

Measures = dict[str, np.ndarray]
"""Per measure, an array whose last axis is cameras; averaged over layers."""


def measures(target: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> Measures:
    """Similarity of two sets of activations, per camera, averaged over the layers.

    Parameters
    ----------
    target, other
        Layer → activations (C, …), one row a camera.

    Returns
    -------
    dict
        "pearson", "spearman" and "snr_db" (20 log10 ‖x‖/‖x − y‖), each (C,).
    """
    return {
        name: np.asarray(
            [
                measure(flattened(target[layer]), flattened(other[layer])).cpu().numpy()
                for layer in target
            ]
        ).mean(axis=0)
        for name, measure in MEASURES.items()
    }


def stacked(rows: Sequence[Measures]) -> Measures:
    """Measures of several comparisons, each (rows, C)."""
    return {name: np.stack([row[name] for row in rows]) for name in MEASURES}


def match(s: np.ndarray, null: np.ndarray, ceiling: np.ndarray) -> np.ndarray:
    """(s − mean null) / (mean ceiling − mean null), per camera.

    Parameters
    ----------
    s
        Pearson r of the comparison, (..., C).
    null, ceiling
        Pearson r of null scenes (N, C) and of re-renders (K, C).

    Returns
    -------
    ndarray
        (..., C); NaN where ceiling − null is below `LEAST_ROOM`.
    """
    low, high = null.mean(axis=0), ceiling.mean(axis=0)
    room = high - low
    return np.where(room < LEAST_ROOM, np.nan, (s - low) / np.where(room == 0, 1, room))


@dataclass(frozen=True)
class Judgement:
    """The criterion at one camera, and what failed there ("" if nothing).

    `labels_target` are the classes of the target and its re-renders, the target's own first;
    empty where the model has no classes.
    """

    camera: str
    match: float
    measures: dict[str, float]
    null_mean: float
    null_maximum: dict[str, float]
    ceiling_mean: float
    labels_target: tuple[int, ...]
    label_result: int | None
    failed: str

    @property
    def passed(self) -> bool:
        """Whether every part of the criterion holds here."""
        return not self.failed


@dataclass(frozen=True)
class Verdict:
    """The criterion over a group of cameras.

    `metamer` says what the model finds; a result that is physically the target again
    (`target_again`) is called no metamer all the same.
    """

    judgements: tuple[Judgement, ...]
    floor: float
    null_size: int
    ceiling_size: int

    @property
    def metamer(self) -> bool:
        """Whether it holds at every camera (and there is one)."""
        return bool(self.judgements) and all(judgement.passed for judgement in self.judgements)

    @property
    def match(self) -> float:
        """Mean match over cameras; NaN if any is, or there is none."""
        matches = [judgement.match for judgement in self.judgements]
        return float(np.mean(matches)) if matches else float("nan")

    @property
    def p(self) -> float:
        """What beating the maximum of the null means: p ≤ 1 / (N + 1)."""
        return 1 / (self.null_size + 1)

    def as_json(self) -> dict[str, Any]:
        """For `criterion.json`."""
        labelled = any(judgement.labels_target for judgement in self.judgements)
        return {
            "metamer": self.metamer,
            "match": self.match,
            "floor": self.floor,
            "null_size": self.null_size,
            "ceiling_size": self.ceiling_size,
            "p_bound": self.p,
            "label_rule": LABEL_RULE if labelled else "not applicable",
            "cameras": [
                {
                    "camera": j.camera,
                    "passed": j.passed,
                    "failed": j.failed,
                    "match": j.match,
                    **j.measures,
                    "null_mean": j.null_mean,
                    "null_maximum": j.null_maximum,
                    "ceiling_mean": j.ceiling_mean,
                    "labels_target": list(j.labels_target),
                    "label_result": j.label_result,
                }
                for j in self.judgements
            ],
        }


def target_again(difference: Mapping[str, Mapping[str, float]]) -> bool:
    """Whether every searched attribute came back to the target's own.

    Parameters
    ----------
    difference
        Attribute → figures of `scenes.differences.scene_difference`.
    """
    return all(
        figures[name] < least
        for figures in difference.values()
        for name, least in LEAST_DIFFERENCE.items()
        if name in figures
    )


def judge(
    names: Sequence[str],
    result: Measures,
    null: Measures,
    ceiling: Measures,
    floor: float,
    labels_target: np.ndarray | None = None,
    labels_result: Sequence[int] | None = None,
) -> Verdict:
    """Apply the criterion at every camera.

    Parameters
    ----------
    names
        Cameras, in the order of the last axis of all measures.
    result
        Target against result, each (C,).
    null
        Target against null scenes, each (N, C).
    ceiling
        Target against its re-renders, each (K, C).
    floor
        Least match.
    labels_target
        Classes of the target's image (first row) and of its re-renders, (1 + K, C); None where the
        model has no classes. Where the target itself is called now this, now that, a result may be
        called either: no rule that re-renders of the target fail can be asked of a metamer.
    labels_result
        Classes of the result at each camera, or None.
    """
    matches = match(result["pearson"], null["pearson"], ceiling["pearson"])
    judgements = []
    for c, name in enumerate(names):
        here = {measure: float(values[c]) for measure, values in result.items()}
        highest = {measure: float(values[:, c].max()) for measure, values in null.items()}
        own = () if labels_target is None else _distinct(labels_target[:, c])
        label = None if labels_result is None else int(labels_result[c])
        failed = [
            _unbeaten(measure, here[measure], null[measure][:, c])
            for measure in MEASURES
            if not here[measure] > highest[measure]  # a NaN fails too
        ]
        if np.isnan(matches[c]):
            failed.append("no room between null and ceiling")
        elif matches[c] < floor:
            failed.append(below_floor(float(matches[c]), floor))
        if own and label not in own:
            failed.append(f"class {label} is not the target's {' or '.join(map(str, own))}")
        judgements.append(
            Judgement(
                camera=name,
                match=float(matches[c]),
                measures=here,
                null_mean=float(null["pearson"][:, c].mean()),
                null_maximum=highest,
                ceiling_mean=float(ceiling["pearson"][:, c].mean()),
                labels_target=own,
                label_result=label,
                failed="; ".join(failed),
            )
        )
    return Verdict(tuple(judgements), floor, len(null["pearson"]), len(ceiling["pearson"]))


def below_floor(found: float, floor: float) -> str:
    """Say that a match fails, with the digits that show it."""
    return f"match {apart(found, floor)[0]} is below {floor:g}"


def apart(one: float, other: float, places: int = 3) -> tuple[str, str]:
    """Two numbers with as many places as it takes to tell them apart; equal ones with `places`."""
    for each in range(places, MOST_PLACES):
        told = f"{one:.{each}f}", f"{other:.{each}f}"
        if told[0] != told[1]:
            return told
    return f"{one:.{places}f}", f"{other:.{places}f}"


def _unbeaten(measure: str, here: float, null: np.ndarray) -> str:
    """Why a measure fails at a camera, (N,) being that of the null scenes there."""
    undefined = int(np.isnan(null).sum())
    if undefined:
        return f"{measure} of {undefined} of {len(null)} null scenes is undefined"
    told, highest = apart(here, float(null.max()))
    return f"{measure} {told} does not beat the null's {highest}"


def _distinct(labels: np.ndarray) -> tuple[int, ...]:
    """Each label once, in the order of first appearance."""
    return tuple(dict.fromkeys(labels.tolist()))

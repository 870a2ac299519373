"""The criterion that a result must meet to be a metamer of its target.

It follows Feather et al. (2023), with random scenes as null. At every camera, each of three
measures of similarity must exceed that of all null scenes, the match (the similarity on a scale
from null, 0, to ceiling, 1) must reach the floor, and the class must be that of the target, if the
model has a stable class for the target at that camera.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from mrd.criterion.similarity import flattened, pearson, snr_db, spearman
from mrd.study.criterion_section import CLASS_PROBABILITY

LABEL_RULE = "the target's class, at cameras where it is stable"
APPLIES = "applies"  # where the class counts; elsewhere, the reason why it does not

MEASURES = {"pearson": pearson, "spearman": spearman, "snr_db": snr_db}

# Least difference between null and ceiling; below it, the match is not defined.
LEAST_ROOM = 0.02

# A result with physical differences below these counts as the target itself, not as a metamer:
# radii of the target, natural log units (twice), degrees, scene units. A pose counts as that of the
# target only if both angle and translation are below.
LEAST_DIFFERENCE = {
    "chamfer": 0.01,
    "rms_log_reflectance": 0.05,
    "rms_log_radiance": 0.05,
    "angle": 1.0,
    "translation": 0.01,
}

MOST_PLACES = 18  # decimals; enough to distinguish any two floats near 1

Measures = dict[str, np.ndarray]
"""Measure of similarity → array of values averaged over layers; its last axis is cameras."""


def measures(target: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor]) -> Measures:
    """Return the similarity of two sets of activations, per camera, averaged over the layers.

    Parameters
    ----------
    target, other
        Layer → activations (C, …), one row per camera.

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
    """Return the measures of several comparisons as arrays (rows, C)."""
    return {name: np.stack([row[name] for row in rows]) for name in MEASURES}


def match(s: np.ndarray, null: np.ndarray, ceiling: np.ndarray) -> np.ndarray:
    """Return (s − mean null) / (mean ceiling − mean null), per camera.

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
    """The criterion at one camera; `failed` is the reason why it fails, "" if it holds.

    `labels_target` are the classes of the target's images, that of the first image first; empty if
    the model has no classes. `probability_target` is their mean probability (softmax), None if not
    known. `class_rule` is "applies" if the result must have the target's class, else the reason why
    the class does not count.
    """

    camera: str
    match: float
    measures: dict[str, float]
    null_mean: float
    null_maximum: dict[str, float]
    ceiling_mean: float
    labels_target: tuple[int, ...]
    probability_target: float | None
    label_result: int | None
    class_rule: str
    failed: str

    @property
    def passed(self) -> bool:
        """Whether every part of the criterion holds at this camera."""
        return not self.failed


@dataclass(frozen=True)
class Verdict:
    """The criterion at a group of cameras.

    `metamer` depends on the model alone: a result that is physically the target itself
    (`target_again`) is still not called a metamer.
    """

    judgements: tuple[Judgement, ...]
    floor: float
    class_probability: float
    null_size: int
    ceiling_size: int

    @property
    def metamer(self) -> bool:
        """Whether the criterion holds at every camera, of which there is at least one."""
        return bool(self.judgements) and all(judgement.passed for judgement in self.judgements)

    @property
    def match(self) -> float:
        """Mean match over cameras; NaN if any match is NaN or there is no camera."""
        matches = [judgement.match for judgement in self.judgements]
        return float(np.mean(matches)) if matches else float("nan")

    @property
    def p(self) -> float:
        """Upper bound of the p-value of a result that exceeds all N null scenes: 1 / (N + 1)."""
        return 1 / (self.null_size + 1)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict as written to `criterion.json`."""
        applies = any(judgement.class_rule == APPLIES for judgement in self.judgements)
        return {
            "metamer": self.metamer,
            "match": self.match,
            "floor": self.floor,
            "class_probability": self.class_probability,
            "null_size": self.null_size,
            "ceiling_size": self.ceiling_size,
            "p_bound": self.p,
            "label_rule": LABEL_RULE if applies else "not applicable",
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
                    "probability_target": j.probability_target,
                    "label_result": j.label_result,
                    "class_rule": j.class_rule,
                }
                for j in self.judgements
            ],
        }


def target_again(difference: Mapping[str, Mapping[str, float]]) -> bool:
    """Return whether every searched attribute is physically equal to that of the target.

    `difference` is from `scenes.differences.scene_difference`: attribute → name → difference.
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
    probabilities_target: np.ndarray | None = None,
    class_probability: float = CLASS_PROBABILITY,
) -> Verdict:
    """Apply the criterion at every camera.

    Parameters
    ----------
    names
        Cameras, in the order of the last axis of all measures.
    result
        Measures of the result against the target, each (C,).
    null
        Measures of the null scenes against the target, each (N, C).
    ceiling
        Measures of re-renders of the target against the target, each (K, C).
    floor
        Least match that passes.
    labels_target
        Classes of the target's image (first row) and of its re-renders, (1 + K, C); None if the
        model has no classes. At cameras where these differ, the class of the result does not count.
    labels_result
        Classes of the result at each camera, or None.
    probabilities_target
        Probabilities (softmax) of `labels_target`, (1 + K, C); None if they are not known.
    class_probability
        Least mean probability over the 1 + K images at which the class of the result counts.
    """
    matches = match(result["pearson"], null["pearson"], ceiling["pearson"])
    judgements = []
    for c, name in enumerate(names):
        values = {measure: float(each[c]) for measure, each in result.items()}
        highest = {measure: float(each[:, c].max()) for measure, each in null.items()}
        own = () if labels_target is None else _distinct(labels_target[:, c])
        certainty = None
        if probabilities_target is not None:
            certainty = float(probabilities_target[:, c].mean())
        rule = class_rule(own, certainty, class_probability)
        label = None if labels_result is None else int(labels_result[c])
        failed = [
            _not_above_null(measure, values[measure], null[measure][:, c])
            for measure in MEASURES
            if not values[measure] > highest[measure]  # NaN fails too
        ]
        if np.isnan(matches[c]):
            failed.append("no room between null and ceiling")
        elif matches[c] < floor:
            failed.append(below_floor(float(matches[c]), floor))
        if rule == APPLIES and label not in own:
            failed.append(f"class {label} is not the target's {own[0]}")
        judgements.append(
            Judgement(
                camera=name,
                match=float(matches[c]),
                measures=values,
                null_mean=float(null["pearson"][:, c].mean()),
                null_maximum=highest,
                ceiling_mean=float(ceiling["pearson"][:, c].mean()),
                labels_target=own,
                probability_target=certainty,
                label_result=label,
                class_rule=rule,
                failed="; ".join(failed),
            )
        )
    sizes = len(null["pearson"]), len(ceiling["pearson"])
    return Verdict(tuple(judgements), floor, class_probability, *sizes)


def class_rule(labels: Sequence[int], probability: float | None, least: float) -> str:
    """Return `APPLIES` if the target's class is stable at a camera, else why it does not count.

    `labels` are the different classes of the target's images, `probability` is their mean.
    """
    if not labels:
        return "not applicable: the model has no classes"
    if len(labels) > 1:
        named = " and ".join(map(str, labels))
        return f"not applicable: images of the target get the classes {named}"
    if probability is not None and not probability >= least:  # NaN does not count
        shown, limit = distinct_digits(probability, least, 2)
        return (
            f"not applicable: the target's class {labels[0]} has a mean probability of {shown}, "
            f"below {limit}"
        )
    return APPLIES


def below_floor(match: float, floor: float) -> str:
    """Return the reason why a match fails; its decimals show that it is below the floor."""
    return f"match {distinct_digits(match, floor)[0]} is below {floor:g}"


def distinct_digits(one: float, other: float, places: int = 3) -> tuple[str, str]:
    """Return two numbers as text with so many decimals, at least `places`, that the texts differ.

    Equal numbers get `places` decimals.
    """
    for each in range(places, MOST_PLACES):
        texts = f"{one:.{each}f}", f"{other:.{each}f}"
        if texts[0] != texts[1]:
            return texts
    return f"{one:.{places}f}", f"{other:.{places}f}"


def _not_above_null(measure: str, value: float, null: np.ndarray) -> str:
    """Return why `value` fails at a camera; `null` (N,) are the values of the null scenes."""
    undefined = int(np.isnan(null).sum())
    if undefined:
        return f"{measure} of {undefined} of {len(null)} null scenes is undefined"
    text, highest = distinct_digits(value, float(null.max()))
    return f"{measure} {text} does not beat the null's {highest}"


def _distinct(labels: np.ndarray) -> tuple[int, ...]:
    """Return each label once, in the order of first appearance."""
    return tuple(dict.fromkeys(labels.tolist()))

"""Error consistency: whether two observers err on the same trials more than by chance.

After Geirhos, Meding & Wichmann (2020): computed in each condition, then averaged; trials are never
pooled over conditions. Intervals are from a bootstrap over stimuli (Klein et al. 2025).

A model gives a probability p of a correct answer to each trial. With a person who was correct
(a = 1) or not (a = 0) it agrees with probability p a + (1 − p)(1 − a); the mean of these
probabilities replaces the share of trials on which both were correct or both wrong.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from analysis.trials.frame import check_trials, single_value
from scenes.base.errors import InputError

DRAWS = 1000  # bootstrap samples
COVERAGE = 0.95  # of intervals


def error_consistency(correct_a: ArrayLike, correct_b: ArrayLike) -> float:
    """Return the error consistency κ = (c_obs − c_exp)/(1 − c_exp) of two observers.

    Parameters
    ----------
    correct_a, correct_b
        (N,): 1 for a correct answer, 0 for a wrong one, on the same trials in the same order.

    Returns
    -------
    float
        −1 to 1; NaN where c_exp = p₁p₂ + (1 − p₁)(1 − p₂) is 1, as both observers are always
        correct or both always wrong.

    Raises
    ------
    InputError
        Unequal or zero numbers of trials, or a value other than 0 and 1.
    """
    a, b = np.asarray(correct_a, dtype=float), np.asarray(correct_b, dtype=float)
    if a.shape != b.shape or a.ndim != 1 or not len(a):
        raise InputError(
            f"correct_a has {a.shape}, correct_b {b.shape} values; give both the same trials"
        )
    if not (np.isin(a, (0, 1)).all() and np.isin(b, (0, 1)).all()):
        raise InputError("error consistency needs 1 (correct) or 0 (wrong) for every trial")
    return float(_kappa(np.ones((1, len(a))), a, b)[0])


def agreement(frame: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return the error consistency of every pair of observers in every condition.

    Trials are matched by condition, stimulus and level (and `item`, if there is such a column). If
    an observer saw a stimulus several times, its first trial is matched with the other's first.

    Parameters
    ----------
    frame
        Trials, one in each row. Rows with ``model`` in the column `kind`, if any, do not count
        for the noise ceiling.
    draws
        Number of bootstrap samples of stimuli.
    seed
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        A row for each condition and pair: ``condition``, ``observer_a``, ``observer_b``,
        ``people`` (both are people), ``trials`` in common, ``accuracy_a``, ``accuracy_b``,
        ``observed``, ``expected``, ``kappa`` with ``kappa_low`` and ``kappa_high`` (95 %),
        ``undefined`` (bootstrap samples in which κ was undefined); and ``noise_ceiling`` of the
        condition (mean κ over pairs of people) with ``_low`` and ``_high``. Pairs without a common
        trial are omitted.

    Raises
    ------
    InputError
        A row holds several trials, or there are fewer than two observers.
    """
    check_trials(frame, ("observer", "condition", "stimulus", "level", "correct", "n"))
    if (frame["n"] != 1).any():
        raise InputError("error consistency needs one trial in a row; some rows have n > 1")
    if frame["observer"].nunique() < 2:
        raise InputError("error consistency needs at least two observers")
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for condition, cell in frame.groupby("condition", sort=True):
        rows += _condition(str(condition), cell, draws, rng)
    return pd.DataFrame(rows)


def with_models(predicted: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return the error consistency of every person (`observer_a`) with every model (`observer_b`).

    `predicted` is from `model_observers.predict`.
    """
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for condition, cell in predicted.groupby("condition", sort=True):
        for person, trials in cell.groupby("person", sort=True):
            first = trials[trials["observer"] == trials["observer"].iloc[0]]
            weights = _weights(first["stimulus"].to_numpy(), draws, rng)
            for model, own in trials.groupby("observer", sort=True):
                a, p = (own[column].to_numpy(dtype=float) for column in ("answered", "correct"))
                row = {"condition": condition, "observer_a": person, "observer_b": model}
                rows.append(row | {"people": False} | _pair(a, p, _kappa(weights, a, p)))
    return pd.DataFrame(rows)


def within_levels(
    trials: pd.DataFrame,
    predicted: pd.DataFrame | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> pd.DataFrame:
    """Return `agreement` and `with_models` for each condition and level.

    Levels are separate because difficulty alone makes observers agree; in same–different, same and
    different pairs are separate too. Raise if no two people saw the same stimulus at a level.
    """
    keys = ["condition", "level"]
    if single_value(trials, "task") == "same_different":
        keys.append("same")
    by_models: dict[Any, pd.DataFrame] = {}
    if predicted is not None and len(predicted):
        by_models = dict(list(predicted.groupby(keys)))
    parts = []
    for names, cell in trials.groupby(keys, sort=True):
        place: dict[str, Any] = dict(zip(keys, names, strict=True))
        people = pd.DataFrame()
        if cell["observer"].nunique() > 1:  # adaptive procedures may show a level to one person
            people = agreement(cell, draws=draws, seed=seed)
        models = pd.DataFrame()
        if len(people) and names in by_models:
            ceiling = people.filter(like="noise_ceiling").iloc[0]
            models = with_models(by_models[names], draws=draws, seed=seed)
            models[list(ceiling.index)] = ceiling.to_numpy()
        parts += [part.assign(**place) for part in (people, models) if len(part)]
    if not parts:
        raise InputError("no two people saw the same stimulus at the same level")
    table = pd.concat(parts, ignore_index=True)
    return table[[*keys, *table.columns.drop(keys)]]


def mean_over_conditions(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return each pair's mean κ over its rows (`cells`), and in how many of them κ is undefined."""
    grouped = pairs.groupby(["observer_a", "observer_b", "people"], sort=True)["kappa"]
    means = grouped.agg(kappa="mean", cells="size", defined="count").reset_index()
    means["undefined"] = means["cells"] - means.pop("defined")
    return means


def overall(pairs: pd.DataFrame, *, draws: int = DRAWS, seed: int = 0) -> pd.DataFrame:
    """Return the mean κ between people, and between each model and people.

    Each pair is averaged over its conditions first, then pairs are averaged.

    Parameters
    ----------
    pairs
        Table of `agreement` or `within_levels`.
    draws
        Number of bootstrap samples of people.
    seed
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        ``who`` (``people`` or the model); ``kappa`` with people, with ``_low`` and ``_high`` (95 %,
        bootstrap over people; NaN for fewer than three), ``pairs``, ``cells`` and how many of these
        are ``undefined``.
    """
    means = mean_over_conditions(pairs)
    among, beside = means[means["people"]], means[~means["people"]]
    people = pd.Index(
        sorted({*among["observer_a"], *among["observer_b"], *beside["observer_a"]}), dtype=object
    )
    drawn = np.random.default_rng(seed).integers(0, len(people), (draws, len(people)))
    rows = []
    if len(among):
        matrix = _among(among, people)
        resampled = [matrix[np.ix_(chosen, chosen)] for chosen in drawn]
        rows.append({"who": "people"} | _overall(among, matrix, resampled))
    for model, own in beside.groupby("observer_b", sort=True):
        each = own.set_index("observer_a")["kappa"].reindex(people).to_numpy(dtype=float)
        rows.append({"who": model} | _overall(own, each, [each[chosen] for chosen in drawn]))
    return pd.DataFrame(rows)


def _overall(
    pairs: pd.DataFrame, values: np.ndarray, resampled: Sequence[np.ndarray]
) -> dict[str, Any]:
    low, high = np.nan, np.nan
    if len(values) > 2:  # of two people, every other bootstrap sample holds only one
        low, high = _interval(np.array([_mean(each) for each in resampled]))
    return {
        "kappa": _mean(values),
        "kappa_low": low,
        "kappa_high": high,
        "pairs": len(pairs),
        "cells": int(pairs["cells"].sum()),
        "undefined": int(pairs["undefined"].sum()),
    }


def _kappa(weights: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return κ for each row of weights (draws, trials); NaN where undefined."""
    total = weights.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        first, second = weights @ a / total, weights @ b / total
        observed = weights @ (a * b + (1 - a) * (1 - b)) / total
        expected = first * second + (1 - first) * (1 - second)
        # Because of rounding, an expected agreement of 1 may differ slightly from 1.
        certain = np.isclose(expected, 1, rtol=0, atol=1e-12)
        return np.where(certain, np.nan, (observed - expected) / (1 - expected))


def _weights(stimuli: np.ndarray, draws: int, rng: np.random.Generator) -> np.ndarray:
    """Return how often each trial is drawn (draws, trials): all trials of a drawn stimulus."""
    names, place = np.unique(stimuli, return_inverse=True)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), draws)
    return drawn[:, place].astype(float)


def _wide(cell: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """Return answers (trials, observers), NaN for unseen trials, and the stimulus of each row."""
    keys = ["stimulus", "level", *(["item"] if "item" in cell.columns else [])]
    numbered = cell.assign(_time=cell.groupby(["observer", *keys]).cumcount())
    wide = numbered.pivot(index=[*keys, "_time"], columns="observer", values="correct")
    return wide, wide.index.get_level_values("stimulus").to_numpy()


def _condition(
    condition: str, cell: pd.DataFrame, draws: int, rng: np.random.Generator
) -> list[dict[str, Any]]:
    wide, stimuli = _wide(cell)
    weights = _weights(stimuli, draws, rng)
    people = _people(cell)
    rows, resampled = [], []
    for first, second in combinations(wide.columns, 2):
        both = (wide[first].notna() & wide[second].notna()).to_numpy()
        if not both.any():
            continue
        a = wide[first].to_numpy(dtype=float)[both]
        b = wide[second].to_numpy(dtype=float)[both]
        values = _kappa(weights[:, both], a, b)
        resampled.append(values)
        rows.append(_pair(a, b, values) | {"people": first in people and second in people})
        rows[-1] |= {"condition": condition, "observer_a": first, "observer_b": second}
    ceiling = _ceiling(rows, resampled)
    order = ["condition", "observer_a", "observer_b", "people"]
    return [{key: row[key] for key in order} | row | ceiling for row in rows]


def _people(cell: pd.DataFrame) -> set[Any]:
    if "kind" not in cell.columns:
        return set(cell["observer"])
    return set(cell.loc[cell["kind"] != "model", "observer"])


def _pair(a: np.ndarray, b: np.ndarray, resampled: np.ndarray) -> dict[str, Any]:
    low, high = _interval(resampled)
    p, q = a.mean(), b.mean()
    return {
        "trials": len(a),
        "accuracy_a": p,
        "accuracy_b": q,
        "observed": float(np.mean(a * b + (1 - a) * (1 - b))),
        "expected": p * q + (1 - p) * (1 - q),
        "kappa": float(_kappa(np.ones((1, len(a))), a, b)[0]),
        "kappa_low": low,
        "kappa_high": high,
        "undefined": int(np.isnan(resampled).sum()),
    }


def _ceiling(rows: list[dict[str, Any]], resampled: list[np.ndarray]) -> dict[str, float]:
    """Return the mean κ over pairs of people, with its interval from the same bootstrap samples."""
    chosen = [number for number, row in enumerate(rows) if row["people"]]
    values = np.array([rows[number]["kappa"] for number in chosen])
    defined = ~np.isnan(values)
    if not defined.any():
        return dict.fromkeys(("noise_ceiling", "noise_ceiling_low", "noise_ceiling_high"), np.nan)
    drawn = np.array([resampled[number] for number in chosen])[defined]
    any_defined = ~np.isnan(drawn).all(axis=0)
    low, high = _interval(np.nanmean(drawn[:, any_defined], axis=0))
    mean = float(values[defined].mean())
    return {"noise_ceiling": mean, "noise_ceiling_low": low, "noise_ceiling_high": high}


def _among(pairs: pd.DataFrame, people: pd.Index) -> np.ndarray:
    """Return κ of pairs of people as a symmetric matrix (people, people); NaN without a pair."""
    values = np.full((len(people), len(people)), np.nan)
    first, second = (people.get_indexer(pd.Index(pairs[f"observer_{end}"])) for end in "ab")
    values[first, second] = values[second, first] = pairs["kappa"]
    return values


def _mean(values: np.ndarray) -> float:
    """Return the mean of the defined values; NaN if there is none."""
    defined = values[~np.isnan(values)]
    return float(defined.mean()) if len(defined) else np.nan


def _interval(values: np.ndarray) -> tuple[float, float]:
    defined = values[~np.isnan(values)]
    if not len(defined):
        return np.nan, np.nan
    low, high = np.quantile(defined, [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2])
    return float(low), float(high)

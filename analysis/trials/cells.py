"""Answers of one participant in one condition, pooled by level for psychometric functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from analysis.trials.frame import GUESS, is_same, single_value, yes_counts
from scenes.base.errors import InputError

# Name of a curve → psignifit's name of the sigmoid, and whether it is a function of log x.
CURVES: dict[str, tuple[str, bool]] = {
    "weibull": ("weibull", True),
    "log_normal": ("norm", True),
    "log_logistic": ("logistic", True),
    "norm": ("norm", False),
    "logistic": ("logistic", False),
    "gumbel": ("gumbel", False),
}
GUESSING_ALPHA = 0.05  # level of the tests whether answers are better than guessing
NOT_FITTED = "not fitted"
SAME_LEVEL = 1e-9  # share of the range of levels; a smaller difference is rounding


@dataclass(frozen=True)
class Cell:
    """Pooled answers of one cell: such as one participant in one condition."""

    names: dict[str, Any]  # values of the columns that define the cell
    # (K,), by ascending level: without same pairs, and on log x without level 0
    levels: np.ndarray
    hits: np.ndarray
    trials: np.ndarray
    # answers "different" to same pairs, and number of these pairs
    false_alarms: float
    same_trials: float
    seed: tuple[int, int] = (0, 0)


def pool_levels(cell: pd.DataFrame, names: dict[str, Any], x: str, curve: str) -> Cell:
    """Return the cell with the trials of each level summed; raise if no curve can be fitted.

    Single trials would make psignifit slow: 19 s for 296 trials.
    """
    levels = cell[x].to_numpy(dtype=float)
    where = ", ".join(f"{key} {value}" for key, value in names.items())
    if not np.isfinite(levels).all():
        raise InputError(f"{where}: column '{x}' has values that are not finite")
    on_log = CURVES[curve][1]
    if on_log and (levels < 0).any():
        raise InputError(
            f"{where}: column '{x}' has the value {levels.min():g}, but {curve} is a function of "
            f"log {x}; use curve='norm'"
        )
    hits, n, same = yes_counts(cell), cell["n"].to_numpy(dtype=float), is_same(cell)
    if (parts := hits[hits % 1 != 0]).size:
        raise InputError(
            f"{where}: column 'correct' has the value {parts[0]:g}; a curve is fitted to whole "
            "numbers of answers: for expected answers of a model use invariance.compare"
        )
    counted = pd.DataFrame({"level": levels, "yes": hits, "n": n})[_on_axis(cell, x, curve)]
    counted["level"] = _merge_rounded(counted["level"].to_numpy(), curve)
    counts = counted.groupby("level", sort=True).sum()
    if len(counts) < 2:
        what = "above 0 " if on_log else ""
        raise InputError(
            f"{where}: {len(counts)} level{'s' * (len(counts) != 1)} {what}in column '{x}'; "
            "a psychometric function needs at least 2"
        )
    return Cell(
        names,
        counts.index.to_numpy(),
        counts["yes"].to_numpy(),
        counts["n"].to_numpy(),
        float(hits[same].sum()),
        float(n[same].sum()),
    )


def _merge_rounded(levels: np.ndarray, curve: str) -> np.ndarray:
    """Return the levels, with the lowest value for those that differ only by rounding."""
    distinct, place = np.unique(levels, return_inverse=True)
    if not len(distinct):
        return levels
    axis = np.log(distinct) if CURVES[curve][1] else distinct
    least = max(SAME_LEVEL * np.ptp(axis), 4 * np.finfo(float).eps * np.abs(axis).max())
    starts = np.concatenate([[True], np.diff(axis) > least])
    return np.asarray(distinct[starts][np.cumsum(starts) - 1][place])


def too_few_levels(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = ("observer", "condition"),
    x: str = "level",
    curve: str = "weibull",
) -> pd.DataFrame:
    """Return a row for each cell with fewer than two levels, which `psychometric.fit` refuses."""
    rows = []
    for names, cell in frame.groupby(list(by), sort=True, observed=True):
        shown = cell[_on_axis(cell, x, curve)]
        levels = len(np.unique(_merge_rounded(shown[x].to_numpy(dtype=float), curve)))
        if levels < 2:
            row = dict(zip(by, names, strict=True)) | _bound(shown, x)
            rows.append(row | {"trials": int(shown["n"].sum()), "levels": levels})
    columns = [*by, "measurable", "bound", "trials", "levels"]
    return pd.DataFrame(rows, columns=columns)


def _bound(shown: pd.DataFrame, x: str) -> dict[str, Any]:
    """Return whether the threshold is above the only level that was shown.

    It is if the answers are no better than guessing, and below the middle between guessing and 1:
    such as in a staircase that never left its highest level.
    """
    guess = None if shown.empty else GUESS[single_value(shown, "task")]
    if guess is not None:
        k, n = int(shown["correct"].sum()), int(shown["n"].sum())
        if not_better_than(k, n, guess) and below_half_way(k, n, guess):
            return {"measurable": "above", "bound": float(shown[x].iloc[0])}
    return {"measurable": NOT_FITTED, "bound": np.nan}


def not_better_than(hits: int, trials: int, guess: float) -> bool:
    """Return whether an exact test does not show the answers to be better than guessing."""
    return bool(binomtest(hits, trials, guess, alternative="greater").pvalue > GUESSING_ALPHA)


def below_half_way(hits: int, trials: int, guess: float) -> bool:
    """Return whether an exact test shows the rate of hits to be below (1 + guess)/2."""
    middle = (1 + guess) / 2
    return bool(binomtest(hits, trials, middle, alternative="less").pvalue < GUESSING_ALPHA)


def _on_axis(cell: pd.DataFrame, x: str, curve: str) -> np.ndarray:
    """Return which rows are on the axis of a curve: no same pairs, and on log x no level 0."""
    levels = cell[x].to_numpy(dtype=float)
    return ~is_same(cell) & (levels > 0) if CURVES[curve][1] else ~is_same(cell)

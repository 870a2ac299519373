"""Answers of single cells (a participant × a condition), pooled by level, as curves take them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from analysis.trials.frame import GUESS, is_same, only, yes
from scenes.base.errors import InputError

# Name of the curve: psignifit's sigmoid, and whether it stands on log x.
CURVES: dict[str, tuple[str, bool]] = {
    "weibull": ("weibull", True),
    "log_normal": ("norm", True),
    "log_logistic": ("logistic", True),
    "norm": ("norm", False),
    "logistic": ("logistic", False),
    "gumbel": ("gumbel", False),
}
GUESSING = 0.05  # level of the tests of whether a cell is better than guessing
NOT_FITTED = "not fitted"
SAME_LEVEL = 1e-9  # levels nearer than this share of their range are one: rounding parts them


@dataclass(frozen=True)
class Cell:
    """Pooled answers of a cell.

    Parameters
    ----------
    names
        What the cell is: values of the columns that cells are told apart by.
    levels, hits, trials
        (K,): tested levels on the axis, ascending, with what a curve rises with. Without pairs of
        the same; on log x without level 0.
    false_alarms, same_trials
        Of same–different: answers "different" to pairs of the same, and the number of these.
    seed
        Of whatever is drawn for this cell.
    """

    names: dict[str, Any]
    levels: np.ndarray
    hits: np.ndarray
    trials: np.ndarray
    false_alarms: float
    same_trials: float
    seed: tuple[int, int] = (0, 0)


def pooled(cell: pd.DataFrame, names: dict[str, Any], x: str, curve: str) -> Cell:
    """Add up the trials of each level; psignifit takes 19 s for 296 single trials.

    Raises
    ------
    InputError
        Values of x are not finite, or negative where the curve stands on log x, there are fewer
        than two levels, or answers are not counts.
    """
    levels = cell[x].to_numpy(dtype=float)
    where = ", ".join(f"{key} {value}" for key, value in names.items())
    if not np.isfinite(levels).all():
        raise InputError(f"{where}: column '{x}' holds values that are not finite")
    on_log = CURVES[curve][1]
    if on_log and (levels < 0).any():
        raise InputError(
            f"{where}: column '{x}' holds {levels.min():g}, and {curve} stands on log {x}; "
            "use curve='norm'"
        )
    hits, n, same = yes(cell), cell["n"].to_numpy(dtype=float), is_same(cell)
    if (parts := hits[hits % 1 != 0]).size:
        raise InputError(
            f"{where}: column 'correct' holds {parts[0]:g}; a curve is fitted to whole numbers of "
            "answers: for expected answers of a model use invariance.compare"
        )
    counted = pd.DataFrame({"level": levels, "yes": hits, "n": n})[_on_axis(cell, x, curve)]
    counted["level"] = _joined(counted["level"].to_numpy(), curve)
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


def _joined(levels: np.ndarray, curve: str) -> np.ndarray:
    """Levels, those that differ by rounding alone replaced by the least of them."""
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
    """List the cells that `psychometric.fit` refuses, as they have fewer than two levels.

    Parameters
    ----------
    frame, by, x, curve
        As in `psychometric.fit`.

    Returns
    -------
    pandas.DataFrame
        A row a cell, in columns of `psychometric.fit`: those of `by`; ``measurable``: ``above``
        where answers at the one level are not better than guessing, and worse than half way from
        guessing to 1 (exact one-sided tests, α = .05), as of a staircase that never came down
        from the greatest, with ``bound``, that level; otherwise ``not fitted``; ``trials`` and
        ``levels``. Empty where there are none.
    """
    rows = []
    for names, cell in frame.groupby(list(by), sort=True, observed=True):
        shown = cell[_on_axis(cell, x, curve)]
        levels = len(np.unique(_joined(shown[x].to_numpy(dtype=float), curve)))
        if levels < 2:
            row = dict(zip(by, names, strict=True)) | _bound(shown, x)
            rows.append(row | {"trials": int(shown["n"].sum()), "levels": levels})
    columns = [*by, "measurable", "bound", "trials", "levels"]
    return pd.DataFrame(rows, columns=columns)


def _bound(shown: pd.DataFrame, x: str) -> dict[str, Any]:
    """What one level tells of a threshold: that it is above it, or nothing."""
    guess = None if shown.empty else GUESS[only(shown, "task")]
    if guess is not None:
        k, n = int(shown["correct"].sum()), int(shown["n"].sum())
        if not_better_than(k, n, guess) and below_half_way(k, n, guess):
            return {"measurable": "above", "bound": float(shown[x].iloc[0])}
    return {"measurable": NOT_FITTED, "bound": np.nan}


def not_better_than(hits: int, trials: int, guess: float) -> bool:
    """Whether answers are not shown to be better than guessing."""
    return bool(binomtest(hits, trials, guess, alternative="greater").pvalue > GUESSING)


def below_half_way(hits: int, trials: int, guess: float) -> bool:
    """Whether answers are shown to be worse than half way from guessing to 1."""
    return bool(binomtest(hits, trials, (1 + guess) / 2, alternative="less").pvalue < GUESSING)


def _on_axis(cell: pd.DataFrame, x: str, curve: str) -> np.ndarray:
    """Rows that stand on the axis of a curve: no pairs of the same, on log x no level 0."""
    levels = cell[x].to_numpy(dtype=float)
    return ~is_same(cell) & (levels > 0) if CURVES[curve][1] else ~is_same(cell)

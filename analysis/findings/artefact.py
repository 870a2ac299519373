"""Level 0: a target against its own re-render. People must be at chance; if not, nothing counts."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import barnard_exact, binomtest, norm

from analysis.statistics.invariance import holm
from analysis.trials.frame import GUESS, checked, is_same, only, rate_name

ALPHA = 0.05
MOST_TABLES = 10**6  # that the exact test goes through; with more trials the normal one is as good


def level_zero(trials: pd.DataFrame) -> pd.DataFrame:
    """Test in each condition whether people tell a re-render from its target.

    Parameters
    ----------
    trials
        Of people, level 0 included.

    Returns
    -------
    pandas.DataFrame
        A row a condition: ``trials``, ``proportion`` right (same–different: ``hit_rate``, of
        "different" answers), ``chance`` (same–different: the false-alarm rate), ``p`` (one-sided:
        better than chance; exact), ``p_holm``, ``told``: whether p_holm < .05. Empty without
        level 0.
    """
    task = only(checked(trials), "task")
    rate = rate_name(task)
    rows = []
    for condition, cell in trials.groupby("condition", sort=True):
        zero = cell[(cell["level"] == 0) & ~is_same(cell)]
        if zero.empty:
            continue
        n, k = int(zero["n"].sum()), int(zero["correct"].sum())
        chance, p = _same_different(cell, k, n) if GUESS[task] is None else _chance(task, k, n)
        row: dict[str, Any] = {"condition": condition, "trials": n, rate: k / n}
        rows.append(row | {"chance": chance, "p": p})
    if not rows:
        return pd.DataFrame(columns=["condition", "trials", rate, "chance", "p", "p_holm", "told"])
    table = pd.DataFrame(rows).assign(p_holm=lambda made: holm(made["p"]))
    return table.assign(told=table["p_holm"] < ALPHA)


def _chance(task: str, k: int, n: int) -> tuple[float, float]:
    chance = float(GUESS[task] or 0)
    return chance, float(binomtest(k, n, chance, alternative="greater").pvalue)


def _same_different(cell: pd.DataFrame, k: int, n: int) -> tuple[float, float]:
    """Compare "different" to re-renders with "different" to pairs of the same."""
    same = cell[is_same(cell)]
    m = int(same["n"].sum())
    wrong = m - int(same["correct"].sum())
    if not m:
        return np.nan, np.nan
    if (n + 1) * (m + 1) > MOST_TABLES:
        return wrong / m, _normal(k, n, wrong, m)
    answers = np.array([[k, wrong], [n - k, m - wrong]])
    return wrong / m, float(barnard_exact(answers, alternative="greater").pvalue)


def _normal(k: int, n: int, wrong: int, m: int) -> float:
    """One-sided p of k/n > wrong/m, by the pooled score test."""
    rate = (k + wrong) / (n + m)
    error = np.sqrt(rate * (1 - rate) * (1 / n + 1 / m))
    return float(norm.sf((k / n - wrong / m) / error)) if error > 0 else 1.0

"""Level 0: a target and its re-render. People must be at chance, or no result is valid."""

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import barnard_exact, binomtest, norm

from analysis.statistics.multiple_tests import holm
from analysis.trials.frame import GUESS, check_trials, is_same, rate_name, single_value

ALPHA = 0.05
MOST_TABLES = 10**6  # in the exact test; beyond it, the normal approximation is as good


def level_zero(trials: pd.DataFrame) -> pd.DataFrame:
    """Test in each condition whether people discriminate a re-render from its target.

    `chance` is the false-alarm rate in same–different; `p` is one-sided (better than chance) and
    exact; `above_chance` is whether `p_holm` < .05. Empty without level 0.
    """
    task = single_value(check_trials(trials), "task")
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
        return pd.DataFrame(
            columns=["condition", "trials", rate, "chance", "p", "p_holm", "above_chance"]
        )
    table = pd.DataFrame(rows).assign(p_holm=lambda rows: holm(rows["p"]))
    return table.assign(above_chance=table["p_holm"] < ALPHA)


def _chance(task: str, k: int, n: int) -> tuple[float, float]:
    chance = float(GUESS[task] or 0)
    return chance, float(binomtest(k, n, chance, alternative="greater").pvalue)


def _same_different(cell: pd.DataFrame, k: int, n: int) -> tuple[float, float]:
    """Return the rate of "different" to same pairs, and p that it is exceeded for re-renders."""
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
    """Return the one-sided p that k/n exceeds wrong/m, by the pooled score test."""
    rate = (k + wrong) / (n + m)
    error = np.sqrt(rate * (1 - rate) * (1 / n + 1 / m))
    return float(norm.sf((k / n - wrong / m) / error)) if error > 0 else 1.0

"""Ratios of people's and models' thresholds: coverage of their intervals, and error rates.

The false-alarm rate of a test is 1e-3; its power is .9 against the faults that it names
(`tests.statistical.bands`).
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from analysis.statistics import invariance
from analysis.trials.load import from_table
from tests.statistical.bands import FALSE_ALARM, Intervals, Rate

LEVELS = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])


def simulated(names, thresholds, n, rng, condition="shape"):
    """Answers of observers with a Weibull (slope 2.5) and lapses of .02, in oddity."""
    rows = []
    for name, m in zip(names, thresholds, strict=True):
        p = 1 / 3 + (2 / 3 - 0.02) * (1 - 0.5 ** ((LEVELS / m) ** 2.5))
        for level, k in zip(LEVELS, rng.binomial(n, p), strict=True):
            rows.append({"observer": name, "level": level, "correct": k, "n": n})
    frame = pd.DataFrame(rows).assign(condition=condition, stimulus="s")
    return from_table(frame, task="oddity")


@pytest.mark.full
@pytest.mark.parametrize(
    ("people_at", "model_at"),
    [
        (-2.0, -2.0),  # the same observer: p < .05 in 5 % of experiments
        (-2.0, -1.0),
        (-0.2, -1.5),  # some people beyond the last level
        (-2.0, 0.5),  # the model beyond it
        (1.0, -1.5),  # nearly all people beyond it
    ],
)
def test_invariance_ratio_censored_or_not(people_at, model_at, rng):
    """It finds a coverage of .80, and where people and model are alike also an error rate of .10.

    There it finds intervals twice as wide and a bias of half a standard error, too.
    """
    alike = people_at == model_at
    n = 580 if alike else 115
    held = Rate(n, (0.94, 1.0), (0.8,), FALSE_ALARM / 3)
    rows = []
    for _ in range(n):
        thresholds = 2.0 ** (people_at + 0.5 * rng.standard_normal(8))
        people = simulated([f"p{number}" for number in range(8)], thresholds, 30, rng)
        model = simulated(["net"], [2.0**model_at], 240, rng)
        rows.append(invariance.compare(people, model).iloc[0])
    table = pd.DataFrame(rows)
    low, high, truth = table["log2_ratio_low"], table["log2_ratio_high"], model_at - people_at
    held.check(((low <= truth) & (truth <= high)).sum())
    if alike:
        checked = Intervals(n, allowed_bias=0.1, alpha=FALSE_ALARM / 3)
        checked.check(table["log2_ratio"], low, high, truth, quantile=t.ppf(0.975, 7))
        Rate(n, (0.0, 0.05), (0.1,), FALSE_ALARM / 3).check((table["p"] < 0.05).sum())
    else:
        assert (table["p"] < 0.05).mean() > 0.5

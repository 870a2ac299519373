"""Courses of answers over levels: falling, U-shaped, flat, rising."""

import numpy as np
import pytest
from scipy.stats import binom

from analysis.statistics.monotonicity import ALPHA, shape


@pytest.mark.parametrize(
    ("hits", "trials", "expected"),
    [
        ([38, 36, 30, 26, 22, 20], 40, "falling"),
        ([50, 20], 60, "falling"),
        ([20, 22, 30, 36, 38, 39], 40, "rising"),
        ([20, 25, 33, 39, 39, 34], 40, "rising"),  # a dip at the top is no fall
        ([39, 30, 20, 20, 30, 39], 40, "not monotone"),
        ([20, 39, 20, 39, 20, 39], 40, "not monotone"),
        ([20, 21, 20, 19, 20, 20], 40, "flat"),
        ([40] * 6, 40, "flat"),
        ([0] * 6, 40, "flat"),
        ([1, 0], 1, "flat"),
        ([100_000, 50_000, 50_000], 100_000, "falling"),
        # With very many trials any dip is significant; it is not the course.
        ([50_000, 90_000, 98_000, 97_500], 100_000, "rising"),
    ],
)
def test_courses(hits, trials, expected):
    assert shape(np.array(hits, float), np.full(len(hits), float(trials))) == expected


def test_single_trials_that_fall(rng):
    """Sixty levels of one trial each: rates of a level say nothing, their trend does."""
    rates = np.linspace(1, 0, 60)
    found = [shape(rng.binomial(1, rates).astype(float), np.ones(60)) for _ in range(10)]
    # The trend has a z of 5.9 on average, with a deviation of .8: all ten, but once in 1e4 runs.
    assert found == ["falling"] * 10


def test_guesses_are_seldom_called_falling_or_uneven(rng, count):
    """Two tests of level .01. Refused by chance once in 1e4; together at .1 they pass 2 in 100."""
    n = count(250, 1000)
    trials = np.full(6, 20.0)
    found = [shape(rng.binomial(20, 1 / 3, 6).astype(float), trials) for _ in range(n)]
    wrong = sum(each in ("falling", "not monotone") for each in found)
    assert wrong <= binom.ppf(1 - 1e-4, n, 2 * ALPHA)

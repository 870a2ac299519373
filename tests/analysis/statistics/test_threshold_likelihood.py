"""Likelihoods of thresholds in numbers, worked out one term at a time with the standard library.

Likelihoods of equal data are equal: nothing here is random.
"""

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from scipy.stats import beta

from analysis.statistics import threshold_likelihood as likelihood

SPAN = math.log(-math.log(0.05)) - math.log(-math.log(0.95))
LEVELS = (0.4, 0.8)


def frame(hits, n, task, alarms=0, same=0):
    rows = [{"level": x, "correct": k, "n": n} for x, k in zip(LEVELS, hits, strict=True)]
    if same:
        rows.append({"level": 0.0, "correct": same - alarms, "n": same})
    return pd.DataFrame(rows).assign(observer="o", condition="c", stimulus="s", task=task)


def by_hand(log2, hits, n, guesses, widths):
    """Log likelihood of a threshold: Σ hits log ψ + misses log(1 − ψ).

    ψ = γ + (1 − λ − γ) S with S = 1 − exp(log .5 · exp(C (log x − log m)/w)), flat where γ + λ is
    above 1; w, λ and γ are summed over, λ with the density of Beta(1, 10), 10 (1 − λ)⁹.
    """
    total = 0.0
    for width, lapse, guess in product(widths, likelihood.LAPSES, guesses):
        log_sum = 0.0
        for x, k in zip(LEVELS, hits, strict=True):
            rise = 1 - math.exp(
                math.log(0.5) * math.exp(SPAN * (math.log(x) - log2 * math.log(2)) / width)
            )
            psi = min(max(guess + max(1 - guess - lapse, 0) * rise, 1e-9), 1 - 1e-9)
            log_sum += k * math.log(psi) + (n - k) * math.log1p(-psi)
        total += math.exp(log_sum) * 10 * (1 - max(lapse, 1e-3)) ** 9
    return math.log(total)


@pytest.mark.parametrize(
    ("task", "guess", "alarms", "same"),
    [("oddity", 1 / 3, 0, 0), ("2afc", 1 / 2, 0, 0), ("same_different", None, 5, 20)],
)
def test_likelihood_ratios_by_hand(task, guess, alarms, same, monkeypatch):
    """γ takes the quantiles of what pairs of the same leave of it, Beta(1 + alarms, 1 + rest)."""
    monkeypatch.setattr(likelihood, "REFINED", 0)  # the first grid of widths
    hits, n = (9, 18), 20
    grid = likelihood.grid_for(np.array(LEVELS))
    found = likelihood.group([frame(hits, n, task, alarms, same)], grid)
    shares = (np.arange(likelihood.FALSE_ALARMS) + 0.5) / likelihood.FALSE_ALARMS
    left = beta.ppf(shares, 1 + alarms, 1 + same - alarms)
    guesses = left if guess is None else [guess]
    tested = math.log(LEVELS[1] / LEVELS[0])
    widths = np.geomspace(tested / 20, likelihood.WIDEST, likelihood.WIDTHS)
    places = [np.abs(grid - at).argmin() for at in (-3.0, -1.5, -1.0, 0.0, 2.0)]
    expected = [by_hand(grid[i], hits, n, guesses, widths) for i in places]
    ratios = found.values[places] - found.values[places[0]]
    assert ratios == pytest.approx(np.array(expected) - expected[0], abs=1e-11)


def test_false_alarms_are_weighed_with_pairs_of_the_same():
    """The more false alarms, the less its hits say: the likelihood of a low threshold falls."""
    grid = likelihood.grid_for(np.array(LEVELS))
    few, many = (
        likelihood.group([frame((9, 18), 20, "same_different", alarms, 20)], grid)
        for alarms in (1, 9)
    )
    assert few.mode < many.mode


@pytest.mark.parametrize("observers", [1, 5])
def test_p_value_and_interval_are_one_test(observers):
    grid = likelihood.STEP * np.arange(-200, 201)
    made = likelihood.Likelihood(grid, -(grid**2) / 2, observers)
    for coverage in (0.5, 0.8, 0.95, 0.99):
        for end in made.interval(coverage):
            assert made.p_value(end) == pytest.approx(1 - coverage, abs=2e-3)

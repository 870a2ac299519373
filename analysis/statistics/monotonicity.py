"""Test whether answers rise with the level: a fitted curve would not show that they fall."""

from typing import Literal

import numpy as np
from scipy.optimize import isotonic_regression
from scipy.special import xlog1py, xlogy
from scipy.stats import chi2, norm

Shape = Literal["rising", "flat", "falling", "not monotone"]

ALPHA = 0.01  # level of each test: a study has many cells
DRAWS = 999  # of the null distribution


def shape(hits: np.ndarray, trials: np.ndarray, seed: tuple[int, ...] = (0,)) -> Shape:
    """Return whether the hit rate rises over the levels, from counts (K,) at ascending levels.

    ``falling`` or ``not monotone`` if most of the differences between levels contradict a rate that
    never falls, and a test at `ALPHA` shows that this is not chance: for ``falling``, a test of a
    downward trend (Cochran–Armitage over the index of the level, one-sided); for ``not monotone``,
    a likelihood ratio against the same answers in random order. Otherwise ``rising`` if the trend
    is upward by the same test, else ``flat``.
    """
    trend = _trend(hits, trials)
    critical = norm.ppf(1 - ALPHA)
    against_flat = _log_likelihood(hits, trials, hits / trials) - _log_likelihood(
        hits, trials, np.full(len(hits), hits.sum() / trials.sum())
    )
    departure = _departure(hits, trials)
    if departure > against_flat / 2:
        if trend < -critical:
            return "falling"
        if _departs(hits, trials, departure, seed):
            return "not monotone"
    return "rising" if trend > critical else "flat"


def _trend(hits: np.ndarray, trials: np.ndarray) -> float:
    """Return Cochran–Armitage's z of a trend over the level's index; 0 if all answers are equal."""
    n, rate = trials.sum(), hits.sum() / trials.sum()
    score = np.arange(len(hits)) - np.average(np.arange(len(hits)), weights=trials)
    variance = rate * (1 - rate) * np.sum(trials * score**2) * n / max(n - 1, 1)
    return float(np.sum(score * hits) / np.sqrt(variance)) if variance > 0 else 0.0


def _departure(hits: np.ndarray, trials: np.ndarray) -> float:
    """Return the log likelihood ratio of the observed rates to the best rates that never fall."""
    rising = isotonic_regression(hits / trials, weights=trials).x
    own = _log_likelihood(hits, trials, hits / trials)
    return max(own - _log_likelihood(hits, trials, rising), 0.0)


def _departs(hits: np.ndarray, trials: np.ndarray, departure: float, seed: tuple[int, ...]) -> bool:
    # With two levels, half of the null distribution is χ² with one degree of freedom; more
    # levels need a larger departure.
    if 2 * departure < chi2.ppf(1 - 2 * ALPHA, 1):
        return False
    rng = np.random.default_rng(seed)
    counts = trials.astype(int)
    drawn = rng.multivariate_hypergeometric(counts, int(hits.sum()), DRAWS, method="marginals")
    as_far = sum(_departure(each, trials) >= departure - 1e-9 for each in drawn)
    return bool((1 + as_far) / (1 + DRAWS) < ALPHA)


def _log_likelihood(hits: np.ndarray, trials: np.ndarray, rate: np.ndarray) -> float:
    inside = np.clip(rate, 0, 1)
    return float(np.sum(xlogy(hits, inside) + xlog1py(trials - hits, -inside)))

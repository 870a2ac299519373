"""What trials say about a threshold: log likelihood over a grid of log₂ thresholds.

A threshold beyond the tested levels is censored: there the likelihood runs into a plateau, and an
interval that reaches it is open. Nothing is dropped or imputed. Width, lapse rate and, in
same–different, the false-alarm rate are integrated out under broad priors. In a group, thresholds
of people are normal in log₂ x, with a spread that is profiled out, and the width is one for all:
a few trials of one person say little of it, and thresholds would lean to where its prior does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp
from scipy.stats import beta, norm, t

from analysis.cells import CURVES
from analysis.psychometric import sigmoid
from analysis.trials import GUESS, is_same, only, yes
from scenes.errors import InputError

STEP = 0.05  # octaves
BEYOND = 6.0  # octaves beyond the tested levels: the plateau is reached there
WIDTHS = 20
LAPSES = np.array([0.0, 0.01, 0.02, 0.04, 0.07, 0.11, 0.16, 0.25])
FALSE_ALARMS = np.linspace(0.01, 0.6, 20)
# Spread of people's thresholds in octaves: none, or from little to more than is ever seen.
SPREADS = np.array([0.0, *np.geomspace(0.05, 4, 24)])


@dataclass(frozen=True)
class Likelihood:
    """Log likelihood of a log₂ threshold, or of a difference of such.

    Parameters
    ----------
    grid
        (G,), octaves, in equal steps of `STEP`.
    values
        (G,), with maximum 0. Beyond the grid they are what they are at its ends.
    observers
        People behind it, 1 for a single observer.
    """

    grid: np.ndarray
    values: np.ndarray
    observers: int = 1

    @property
    def mode(self) -> float:
        """Where it is greatest: of the parabola through its top; in the middle of a flat one."""
        top = np.flatnonzero(self.values > -1e-9)
        first, last = top[0], top[-1]
        if first < last or first == 0 or last == len(self.grid) - 1:
            return float(self.grid[top].mean())
        before, at, after = self.values[first - 1 : first + 2]
        return float(self.grid[first] + STEP * (before - after) / (2 * (before - 2 * at + after)))

    def interval(self, coverage: float = 0.95) -> tuple[float, float]:
        """Limits of the values that a likelihood-ratio test keeps; infinite at an open end."""
        inside = np.flatnonzero(self.values >= -self._cut(coverage) / 2)
        first, last = inside[0], inside[-1]
        low = -np.inf if first == 0 else self._crossing(first - 1, first, coverage)
        high = np.inf if last == len(self.grid) - 1 else self._crossing(last, last + 1, coverage)
        return low, high

    def p_value(self, value: float = 0.0) -> float:
        """Two-sided p of a value, by the same test as `interval`."""
        ratio = -2 * np.interp(value, self.grid, self.values)
        squared = (self._freedom()) * np.expm1(ratio / (self._freedom() + 1))
        return float(2 * t.sf(np.sqrt(max(squared, 0.0)), self._freedom()))

    def _freedom(self) -> float:
        return self.observers - 1 if self.observers > 1 else 1e6

    def _cut(self, coverage: float) -> float:
        """Likelihood ratio that gives Student's interval, exactly, for a mean of normal values.

        For N of them 2 log LR = N log(1 + t²/(N − 1)); for many, and for one observer, χ².
        """
        freedom = self._freedom()
        quantile = t.ppf((1 + coverage) / 2, freedom)
        return float((freedom + 1) * np.log1p(quantile**2 / freedom))

    def _crossing(self, left: int, right: int, coverage: float) -> float:
        """Where the line between two neighbours of the grid crosses the cut."""
        a, b = self.values[left], self.values[right]
        share = (-self._cut(coverage) / 2 - a) / (b - a)
        return float(self.grid[left] + share * STEP)


def grid_for(levels: np.ndarray) -> np.ndarray:
    """Grid of log₂ thresholds for tested levels, (G,), its values multiples of `STEP`."""
    low, high = np.log2(levels.min()) - BEYOND, np.log2(levels.max()) + BEYOND
    return STEP * np.arange(np.floor(low / STEP), np.ceil(high / STEP) + 1)


def observer(
    trials: pd.DataFrame,
    grid: np.ndarray,
    *,
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
) -> Likelihood:
    """Likelihood of one observer's threshold, width and rates integrated out.

    Parameters
    ----------
    trials
        Of one observer and condition. `correct` may be an expected number (a model's).
    grid
        Of log₂ thresholds.
    x, curve, proportion
        As in `analysis.psychometric.fit`; the curve stands on log x.

    Raises
    ------
    InputError
        The curve does not stand on log x, or no level is above 0.
    """
    return group([trials], grid, x=x, curve=curve, proportion=proportion)


def group(
    each: Sequence[pd.DataFrame],
    grid: np.ndarray,
    *,
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
) -> Likelihood:
    """Likelihood of the mean log₂ threshold of the people that these are a sample of.

    Parameters
    ----------
    each
        Trials of every one of them in one condition.
    grid, x, curve, proportion
        As in `observer`.

    Raises
    ------
    InputError
        As `observer`.
    """
    if not CURVES[curve][1]:
        logs = ", ".join(name for name, (_, on_log) in CURVES.items() if on_log)
        raise InputError(f"ratios of thresholds need a curve on log x, not {curve}; use {logs}")
    pooled = [_pooled(trials, x) for trials in each]
    widths = _widths(np.concatenate([one.log_x for one in pooled]))
    given_width = [_given_width(one, grid, widths, curve, proportion) for one in pooled]
    if len(each) == 1:
        return _likelihood(grid, logsumexp(given_width[0], axis=1))
    likelihoods = np.exp([one - one.max() for one in given_width])
    by_spread = [
        # (means, thresholds) on (people, thresholds, widths): of every mean, width by width.
        logsumexp(np.log(_kernel(grid, tau).T @ likelihoods + 1e-300).sum(axis=0), axis=1)
        for tau in SPREADS
    ]
    return _likelihood(grid, np.max(by_spread, axis=0), len(each))


@dataclass(frozen=True)
class _Pooled:
    """Answers of an observer by level (K,), and to pairs of the same."""

    log_x: np.ndarray
    hits: np.ndarray
    n: np.ndarray
    guess: float | None
    false_alarms: float
    same_n: float


def _pooled(trials: pd.DataFrame, x: str) -> _Pooled:
    hits, n, levels = yes(trials), trials["n"].to_numpy(float), trials[x].to_numpy(float)
    same = is_same(trials)
    kept = ~same & (levels > 0)
    if not kept.any():
        raise InputError(f"no trials with {x} above 0; a threshold cannot be found")
    counts = pd.DataFrame({"x": levels, "k": hits, "n": n})[kept].groupby("x").sum()
    return _Pooled(
        np.log(counts.index.to_numpy()),
        counts["k"].to_numpy(),
        counts["n"].to_numpy(),
        GUESS[only(trials, "task")],
        float(hits[same].sum()),
        float(n[same].sum()),
    )


def _given_width(
    answers: _Pooled, grid: np.ndarray, widths: np.ndarray, curve: str, proportion: float | None
) -> np.ndarray:
    """Log likelihood of threshold and width, (G, W); lapse and false-alarm rates integrated out."""
    guesses = FALSE_ALARMS if answers.guess is None else np.array([answers.guess])
    # Axes: threshold, width, lapse, guess, level.
    m, w = grid[:, None, None, None, None] * np.log(2), widths[:, None, None, None]
    lapse, guess = LAPSES[:, None, None], guesses[:, None]
    shape = sigmoid(curve)
    if proportion is not None:
        reached = np.clip((proportion - guess) / (1 - lapse - guess), 1e-9, 1 - 1e-9)
        m = m - shape.inverse(reached, 0.0, w)
    rise = shape(answers.log_x, m, w)
    psi = np.clip(guess + (1 - guess - lapse) * rise, 1e-9, 1 - 1e-9)
    wrong = answers.n - answers.hits
    log_likelihood = (answers.hits * np.log(psi) + wrong * np.log1p(-psi)).sum(axis=-1)
    log_likelihood += beta.logpdf(np.maximum(LAPSES, 1e-3), 1, 10)[:, None]
    if answers.guess is None:
        right = answers.same_n - answers.false_alarms
        log_likelihood += answers.false_alarms * np.log(guesses) + right * np.log1p(-guesses)
    return np.asarray(logsumexp(log_likelihood, axis=(2, 3)))


def difference(a: Likelihood, b: Likelihood) -> Likelihood:
    """Likelihood of a − b, the rest profiled out: max over v of a(v + δ) + b(v).

    The two are taken as independent, which is conservative where the same people are in both.
    """
    reach = max(len(a.grid), len(b.grid))
    # b stays, a slides along it; both with their plateaus drawn on as far as any shift needs.
    second = np.pad(b.values, reach, mode="edge")
    first = np.pad(a.values, (2 * reach, 3 * reach), mode="edge")
    shifts = np.arange(-reach, reach + 1)
    values = np.array([np.max(first[reach + s : reach + s + len(second)] + second) for s in shifts])
    offset = round((a.grid[0] - b.grid[0]) / STEP)
    people = [one.observers for one in (a, b) if one.observers > 1]
    return _likelihood((shifts + offset) * STEP, values, min(people, default=1))


def _likelihood(grid: np.ndarray, values: np.ndarray, observers: int = 1) -> Likelihood:
    return Likelihood(grid, values - values.max(), observers)


def _widths(log_x: np.ndarray) -> np.ndarray:
    """Widths in natural log units, (W,): from steep to three times what was tested."""
    return np.geomspace(0.2, max(3 * float(np.ptp(log_x)), 1.0), WIDTHS)


def _kernel(grid: np.ndarray, spread: float) -> Any:
    """Normal weights (threshold of a person, mean of people), mass beyond the grid on its ends."""
    if spread == 0:
        return np.eye(len(grid))
    edges = np.concatenate([[-np.inf], (grid[1:] + grid[:-1]) / 2, [np.inf]])
    return np.diff(norm.cdf(edges[:, None], grid[None, :], spread), axis=0)

"""Log likelihood of a threshold over a grid of log₂ thresholds.

A threshold outside the tested levels is censored: if the maximum is there, the likelihood is flat
there, and an interval that reaches the flat part is open. Nothing is dropped or imputed. Width,
lapse rate and, in same–different, the false-alarm rate are integrated out under broad priors. In a
group, thresholds of people are normal in log₂ x, with a spread that is profiled out, and one width
for all: a few trials of one person say little about the width, and thresholds would depend on its
prior.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import logsumexp, ndtr
from scipy.stats import beta, t

from analysis.statistics.monotonicity import Shape, shape
from analysis.statistics.psychometric import sigmoid
from analysis.trials.cells import CURVES
from analysis.trials.frame import GUESS, is_same, single_value, yes_counts
from scenes.base.errors import InputError

STEP = 0.05  # octaves
BEYOND = 6.0  # octaves beyond the tested levels (or half their range), where the likelihood is flat
WIDTHS = 20
UNLIKELY = 10.0  # widths whose log likelihood is so far below the best leave the finer grid
REFINED = 4  # largest number of refinements of the grid of widths
STEEPEST, WIDEST = 0.2, 6.0  # widths in natural logarithms, unless the range of levels needs more
LAPSES = np.array([0.0, 0.01, 0.02, 0.04, 0.07, 0.11, 0.16, 0.25, 0.35])
FALSE_ALARMS = 20  # quantiles of the false-alarm rate, given the same trials
# Spreads of people's thresholds in octaves: 0, and from small to larger than is ever observed (at
# least a quarter of the range of the grid).
SPREADS = 24
NARROWEST_SPREAD, WIDEST_SPREAD = 0.05, 4.0


@dataclass(frozen=True)
class Likelihood:
    """Log likelihood of a log₂ threshold, or of a difference of log₂ thresholds."""

    grid: np.ndarray  # (G,), octaves, in steps of `STEP`
    values: np.ndarray  # (G,), maximum 0; constant beyond the grid
    observers: int = 1  # people who gave the answers
    shape: Shape = "rising"  # if answers fall or are not monotone, the likelihood is flat

    @property
    def mode(self) -> float:
        """Return the position of the maximum, from a parabola; the middle of a flat maximum."""
        return self._top()[0]

    def interval(self, coverage: float = 0.95) -> tuple[float, float]:
        """Return the limits of values that a likelihood-ratio test accepts; infinite if open."""
        roots, cut = self._signed_roots(), float(np.sqrt(self._cut(coverage)))
        first, last = np.flatnonzero(roots > -cut)[0], np.flatnonzero(roots < cut)[-1]
        low = -np.inf if first == 0 else self._crossing(roots, first - 1, -cut)
        high = np.inf if last == len(self.grid) - 1 else self._crossing(roots, last, cut)
        return low, high

    def p_value(self, value: float = 0.0) -> float:
        """Return the two-sided p of the hypothesis `value`, by the test of `interval`."""
        ratio = np.interp(value, self.grid, self._signed_roots()) ** 2
        freedom = self._freedom()
        squared = freedom * np.expm1(ratio / (freedom + 1))
        return float(2 * t.sf(np.sqrt(max(squared, 0.0)), freedom))

    def _top(self) -> tuple[float, float]:
        """Return position and height of the maximum."""
        top = np.flatnonzero(self.values > -1e-9)
        first, last = top[0], top[-1]
        if first < last or first == 0 or last == len(self.grid) - 1:
            return float(self.grid[top].mean()), 0.0
        shift, height = _parabola(self.values, first)
        return float(self.grid[first] + STEP * shift), height

    def _signed_roots(self) -> np.ndarray:
        """Return √(2 log likelihood ratio) to the maximum, negative below it.

        It is a line for a normal likelihood. It is interpolated as a line, so that a likelihood
        narrower than a step of the grid has limits too.
        """
        place, height = self._top()
        roots = np.sqrt(np.maximum(2 * (height - self.values), 0))
        return np.where(self.grid < place, -roots, roots)

    def _freedom(self) -> float:
        return self.observers - 1 if self.observers > 1 else 1e6

    def _cut(self, coverage: float) -> float:
        """Return the likelihood ratio that gives Student's interval for a mean of normal values.

        For N observers, 2 log LR = N log(1 + t²/(N − 1)); for many, and for one, it is χ².
        """
        freedom = self._freedom()
        quantile = t.ppf((1 + coverage) / 2, freedom)
        return float((freedom + 1) * np.log1p(quantile**2 / freedom))

    def _crossing(self, roots: np.ndarray, left: int, cut: float) -> float:
        """Return where the line between two neighbours of the grid crosses the cut."""
        share = (cut - roots[left]) / (roots[left + 1] - roots[left])
        return float(self.grid[left] + share * STEP)


def grid_for(levels: np.ndarray) -> np.ndarray:
    """Return the grid of log₂ thresholds (G,) for tested levels, in steps of `STEP`."""
    low = float(np.log2(levels.min()))
    tested = float(np.log2(levels.max())) - low
    beyond = max(BEYOND, tested / 2)
    # The grid starts at a level, so that it moves with the unit of the levels.
    return low + STEP * np.arange(np.floor(-beyond / STEP), np.ceil((tested + beyond) / STEP) + 1)


def group(
    each: Sequence[pd.DataFrame],
    grid: np.ndarray,
    *,
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
) -> Likelihood:
    """Return the likelihood of the population's mean log₂ threshold from each person's trials.

    `grid` is from `grid_for`; x, curve (on log x) and proportion are as in `psychometric.fit`. With
    one observer (a person, or a model with expected numbers) it is for that observer's threshold.
    """
    if not CURVES[curve][1]:
        logs = ", ".join(name for name, (_, on_log) in CURVES.items() if on_log)
        raise InputError(f"ratios of thresholds need a curve on log x, not {curve}; use {logs}")
    pooled = [_pooled(trials, x) for trials in each]
    answers = _shape(pooled)
    if answers in ("falling", "not monotone"):
        return Likelihood(grid, np.zeros(len(grid)), len(each), answers)
    widths = _widths(np.concatenate([one.log_x for one in pooled]))
    for _ in range(REFINED + 1):
        given_width = [_given_width(one, grid, widths, curve, proportion) for one in pooled]
        finer = _finer(widths, np.sum([one.max(axis=0) for one in given_width], axis=0))
        if finer is None:
            break
        widths = finer
    tested = np.concatenate([one.log_x for one in pooled]) / np.log(2)
    if len(each) == 1:
        return _censored(_likelihood(grid, logsumexp(given_width[0], axis=1)), tested)
    likelihoods = np.exp([one - one.max() for one in given_width])
    by_spread = [
        # (means, thresholds) times (people, thresholds, widths): for each mean and width.
        logsumexp(np.log(_kernel(grid, tau).T @ likelihoods + 1e-300).sum(axis=0), axis=1)
        for tau in _spreads(grid)
    ]
    return _censored(_likelihood(grid, np.max(by_spread, axis=0), len(each)), tested)


def _censored(found: Likelihood, tested: np.ndarray) -> Likelihood:
    """Return the likelihood, flat from the tested log₂ levels on if its maximum is beyond them.

    Where it falls beyond them depends on the prior of the width, not on answers.
    """
    if found.mode > tested.max():
        beyond = found.grid > tested.max()
    elif found.mode < tested.min():
        beyond = found.grid < tested.min()
    else:
        return found
    return replace(found, values=np.where(beyond, found.values.max(), found.values))


@dataclass(frozen=True)
class _Pooled:
    """Answers of an observer: at each level (K,), and to same pairs."""

    log_x: np.ndarray
    hits: np.ndarray
    n: np.ndarray
    guess: float | None
    false_alarms: float
    same_n: float

    @property
    def constant(self) -> bool:
        """Return whether all answers are equal."""
        total = self.hits.sum() + self.false_alarms
        return bool(total in (0, self.n.sum() + self.same_n))


def _pooled(trials: pd.DataFrame, x: str) -> _Pooled:
    hits, n, levels = yes_counts(trials), trials["n"].to_numpy(float), trials[x].to_numpy(float)
    same = is_same(trials)
    with_curve = ~same & (levels > 0)
    if not with_curve.any():
        raise InputError(f"no trials with {x} above 0; a threshold cannot be found")
    counts = pd.DataFrame({"x": levels, "k": hits, "n": n})[with_curve].groupby("x").sum()
    return _Pooled(
        np.log(counts.index.to_numpy()),
        counts["k"].to_numpy(),
        counts["n"].to_numpy(),
        GUESS[single_value(trials, "task")],
        float(hits[same].sum()),
        float(n[same].sum()),
    )


def _shape(pooled: Sequence[_Pooled]) -> Shape:
    """Return the shape of all answers over the levels; expected numbers are rounded."""
    counts = pd.DataFrame(
        {name: np.concatenate([getattr(one, name) for one in pooled]) for name in ("hits", "n")},
        index=np.concatenate([one.log_x for one in pooled]),
    )
    by_level = counts.groupby(level=0).sum()
    return shape(np.round(by_level["hits"].to_numpy()), np.round(by_level["n"].to_numpy()))


def _given_width(
    answers: _Pooled, grid: np.ndarray, widths: np.ndarray, curve: str, proportion: float | None
) -> np.ndarray:
    """Return the log likelihood of threshold and width (G, W); other rates are integrated out."""
    if answers.guess is None and answers.constant:
        return np.zeros((len(grid), len(widths)))  # equal answers say nothing about a threshold
    guesses = _false_alarms(answers) if answers.guess is None else np.array([answers.guess])
    # Axes: threshold, width, lapse, guess, level.
    m, w = grid[:, None, None, None, None] * np.log(2), widths[:, None, None, None]
    lapse, guess = LAPSES[:, None, None], guesses[:, None]
    rises = sigmoid(curve)
    if proportion is not None:
        room = np.maximum(1 - lapse - guess, 1e-12)
        reached = np.clip((proportion - guess) / room, 1e-9, 1 - 1e-9)
        m = m - rises.inverse(reached, 0.0, w)
    with np.errstate(over="ignore", under="ignore"):  # in steep curves, where S is 1 or 0
        rise = rises(answers.log_x, m, w)
    # Where γ + λ is above 1, ψ is flat: it never falls.
    psi = np.clip(guess + np.maximum(1 - guess - lapse, 0) * rise, 1e-9, 1 - 1e-9)
    log_likelihood = np.log(psi) @ answers.hits + np.log1p(-psi) @ (answers.n - answers.hits)
    log_likelihood += beta.logpdf(np.maximum(LAPSES, 1e-3), 1, 10)[:, None]
    return np.asarray(logsumexp(log_likelihood, axis=(2, 3)))


def _false_alarms(answers: _Pooled) -> np.ndarray:
    """Return equally probable false-alarm rates, from answers to same pairs and a flat prior."""
    share = (np.arange(FALSE_ALARMS) + 0.5) / FALSE_ALARMS
    right = answers.same_n - answers.false_alarms
    return np.asarray(beta.ppf(share, 1 + answers.false_alarms, 1 + right))


def _spreads(grid: np.ndarray) -> np.ndarray:
    widest = max(WIDEST_SPREAD, float(np.ptp(grid)) / 4)
    return np.array([0.0, *np.geomspace(NARROWEST_SPREAD, widest, SPREADS)])


def difference(a: Likelihood, b: Likelihood) -> Likelihood:
    """Return the likelihood of a − b, profiled: max over v of a(v + δ) + b(v).

    The two are treated as independent, which is conservative where the same people are in both.
    """
    reach = max(len(a.grid), len(b.grid))
    # b is fixed and a is shifted; both are extended by their flat ends as far as a shift needs.
    second = np.pad(b.values, reach, mode="edge")
    first = np.pad(a.values, (2 * reach, 3 * reach), mode="edge")
    shifts = np.arange(-reach, reach + 1)
    values = np.array([_peak(first[reach + s : reach + s + len(second)] + second) for s in shifts])
    # A sum is never above the sum of the maxima; a parabola at the edge of a flat part can be.
    values = np.minimum(values, a._top()[1] + b._top()[1])
    people = [one.observers for one in (a, b) if one.observers > 1]
    return _likelihood(shifts * STEP + (a.grid[0] - b.grid[0]), values, min(people, default=1))


def _parabola(values: np.ndarray, top: int) -> tuple[float, float]:
    """Return the peak of the parabola around `top`: steps from `top`, and height above it."""
    before, at, after = values[top - 1 : top + 2]
    curvature = before - 2 * at + after
    shift = (before - after) / (2 * curvature)
    return float(shift), float(-curvature * shift**2 / 2)


def _peak(values: np.ndarray) -> float:
    """Return the maximum, which may lie between two values of the grid (by a parabola)."""
    top = int(np.argmax(values))
    if not 1 < top < len(values) - 2 or values[top] in (values[top - 1], values[top + 1]):
        return float(values[top])
    shift, height = _parabola(values, top)
    # Beside the edge of a flat part, the neighbours rise less than a parabola through the edge.
    side = 1 if shift > 0 else -1
    rise = float(values[top + side] - values[top + 2 * side])
    return float(values[top] + min(height, max(rise, 0.0)))


def _likelihood(grid: np.ndarray, values: np.ndarray, observers: int = 1) -> Likelihood:
    return Likelihood(grid, values - values.max(), observers)


def _widths(log_x: np.ndarray) -> np.ndarray:
    """Return widths in natural log units (W,), from steep to three times the tested range."""
    tested = float(np.ptp(log_x))
    steepest = min(STEEPEST, tested / 20) if tested > 0 else STEEPEST
    return np.geomspace(steepest, max(3 * tested, WIDEST), WIDTHS)


def _finer(widths: np.ndarray, profile: np.ndarray) -> np.ndarray | None:
    """Return a finer grid around the likely widths; None if most of the grid is likely."""
    likely = np.flatnonzero(profile > profile.max() - UNLIKELY)
    if len(likely) > WIDTHS / 2:
        return None
    low, high = max(likely[0] - 1, 0), min(likely[-1] + 1, len(widths) - 1)
    return np.geomspace(widths[low], widths[high], WIDTHS)


def _kernel(grid: np.ndarray, spread: float) -> Any:
    """Return normal weights (person's threshold, mean); mass beyond the grid goes to its ends."""
    if spread == 0:
        return np.eye(len(grid))
    edges = np.concatenate([[-np.inf], (grid[1:] + grid[:-1]) / 2, [np.inf]])
    return np.diff(ndtr((edges[:, None] - grid) / spread), axis=0)

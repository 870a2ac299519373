"""Psychometric functions of single cells (a participant × a condition), by psignifit.

ψ(x; m, w, λ, γ) = γ + (1 − λ − γ) S(x; m, w), in the parameterisation of Schütt, Harmeling, Macke
& Wichmann (2016): S is .5 at the threshold m, and rises from .05 to .95 within the width w. A
threshold outside the tested levels is not measurable: psignifit would give a number all the same.
The posterior, its ranges and priors: `analysis.statistics.posterior`.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import xlog1py, xlogy
from scipy.stats import chi2

from analysis.statistics.monotonicity import Shape, shape
from analysis.statistics.posterior import Range, posterior, rising_sigmoid
from analysis.trials.cells import CURVES, GUESSING, Cell, below_half_way, pooled
from analysis.trials.frame import GUESS, checked, only
from scenes.base.errors import InputError, unknown

Measured = Literal["measured", "above", "below", "unknown", "falling", "not monotone"]

COVERAGE = 0.95


@dataclass(frozen=True)
class CellFit:
    """The fit of one cell.

    Parameters
    ----------
    names
        What the cell is: values of the columns that cells are told apart by.
    curve
        Name in `CURVES`.
    levels, hits, trials
        (K,): what was fitted, pooled over trials of a level; without same trials.
    usable
        Whether a posterior was found, and the answers are not one and the same (same–different).
    mode
        Mode of the posterior: threshold and width (of log x for curves on log x), lambda, gamma,
        eta.
    samples
        (SAMPLES,) of each of the five, drawn from the posterior.
    proportion
        Value of ψ that the threshold stands for; None for the middle of S.
    deviance
        2 log likelihood ratio of the fitted curve against answers at the guess rate alone; in
        same–different against one rate of "different" for all trials.
    known
        Of threshold (of log x for curves on log x), width, lambda, gamma and eta, the range in
        which the answers decide. Beyond it lies the end of a prior.
    shape
        Course of the answers over the levels (`analysis.statistics.monotonicity`).
    """

    names: dict[str, Any]
    curve: str
    levels: np.ndarray
    hits: np.ndarray
    trials: np.ndarray
    usable: bool
    mode: dict[str, float]
    samples: dict[str, np.ndarray]
    proportion: float | None
    deviance: float
    known: dict[str, Range]
    shape: Shape

    def evaluated(self, x: np.ndarray) -> np.ndarray:
        """ψ at the mode of the posterior, (len(x),)."""
        return _psi(self.curve, x, self.mode)

    def band(self, x: np.ndarray, coverage: float = COVERAGE) -> tuple[np.ndarray, np.ndarray]:
        """Pointwise credible band of ψ from the posterior's samples, two of (len(x),)."""
        each = {name: values[:, None] for name, values in self.samples.items()}
        low, high = np.quantile(
            _psi(self.curve, x, each), [(1 - coverage) / 2, (1 + coverage) / 2], axis=0
        )
        return low, high


def fit(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = ("observer", "condition"),
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
    overdispersion: bool = True,
    workers: int = 1,
    seed: int = 0,
) -> pd.DataFrame:
    """Fit a psychometric function to each cell.

    Parameters
    ----------
    frame
        Trials (`analysis.trials.load.from_table`), of one task.
    by
        Columns that tell the cells apart.
    x
        Column of the stimulus axis.
    curve
        A name of `CURVES`: ``weibull``, ``log_normal``, ``log_logistic`` stand on log x, and
        leave level 0 out; ``norm``, ``logistic``, ``gumbel`` stand on x.
    proportion
        The threshold is where ψ reaches this proportion of right answers (in same–different, of
        "different"); by default where S = .5, half way between guess and lapse rate.
    overdispersion
        Fit a beta-binomial (``eta``); False fits a binomial, in a fraction of the time.
    workers
        Processes. With more than one, a script needs ``if __name__ == "__main__":``.
    seed
        Of the draws from the posterior: equal seeds give equal tables.

    Returns
    -------
    pandas.DataFrame
        A row a cell: the columns of `by`; ``threshold`` in units of x with ``threshold_low`` and
        ``threshold_high`` (95 % credible, from posterior samples, and at least as far as the
        value, which is of the joint mode); ``measurable``, a word of `measurability`: where it is
        not ``measured``, the threshold is NaN and its interval open, up to infinity or down to 0
        (to −∞ on x); ``bound``: the level that it is above or below; ``shape`` of the answers over
        the levels (`analysis.statistics.monotonicity.shape`); ``width`` (in log units on log x),
        ``lapse``, ``guess`` and ``eta`` with intervals, all at the mode of the posterior;
        ``trials``, ``levels``; ``deviance`` against guessing. A limit that the end of a prior would
        set is open (infinite, or the end of what is possible), and a value there NaN.

    Raises
    ------
    InputError
        A column is missing, the frame holds several tasks, a curve on log x has negative levels,
        or a cell has fewer than two levels.

    Examples
    --------
    >>> trials = from_table(table, columns={"observer": "subject", ...}, task="2afc")
    >>> psychometric.fit(trials, curve="norm", proportion=0.75)[["observer", "threshold"]]
    """
    fits = fit_cells(
        frame,
        by=by,
        x=x,
        curve=curve,
        proportion=proportion,
        overdispersion=overdispersion,
        workers=workers,
        seed=seed,
    )
    return table(fits)


def fit_cells(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = ("observer", "condition"),
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
    overdispersion: bool = True,
    workers: int = 1,
    seed: int = 0,
) -> list[CellFit]:
    """Fit each cell, as `fit` does, and return the fits themselves, for curves and bands."""
    if curve not in CURVES:
        raise unknown("curve", curve, CURVES)
    task = only(checked(frame, ("correct", "n", "task", x, *by)), "task")
    if proportion is not None and not (GUESS[task] or 0) < proportion < 1:
        raise InputError(
            f"proportion {proportion} is not allowed for {task}; use a number above "
            f"{GUESS[task] or 0:.3g} (guessing) and below 1"
        )
    one = partial(
        _fit_cell, task=task, curve=curve, proportion=proportion, overdispersion=overdispersion
    )
    cells = [
        replace(pooled(cell, dict(zip(by, names, strict=True)), x, curve), seed=(seed, number))
        for number, (names, cell) in enumerate(frame.groupby(list(by), sort=True, observed=True))
    ]
    if workers == 1 or len(cells) == 1:
        return [one(cell) for cell in cells]
    with ProcessPoolExecutor(min(workers, len(cells)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(one, cells))


def table(fits: Sequence[CellFit]) -> pd.DataFrame:
    """Put fits in a table, a row each: see `fit`."""
    return pd.DataFrame([_row(each) for each in fits])


def thresholds(each: CellFit) -> tuple[float, np.ndarray]:
    """Threshold at the mode and at each posterior sample, in units of x; inf where ψ ends below."""
    return float(_threshold(each, each.mode)), _threshold(each, each.samples)


def measurability(each: CellFit) -> Measured:
    """Tell whether a threshold lies within the tested levels.

    ``falling`` or ``not monotone`` where the answers do not rise with the level; ``unknown`` where
    all answers of a same–different task are the same one, or no posterior was found. Where the
    answers are not better than guessing (likelihood ratio, two parameters, α = .05), ``above`` the
    greatest level if most of the posterior is there, or the answers are worse than half way from
    guessing to 1 (exact, α = .05), and ``unknown`` if they are too few for either. Otherwise
    ``above`` the greatest level or ``below`` the least where the mode or half of the posterior is
    there, and ``unknown`` where neither limit of the threshold is known.
    """
    if each.shape in ("falling", "not monotone"):
        return each.shape
    if not each.usable:
        return "unknown"
    mode, samples = thresholds(each)
    low, high = each.levels.min(), each.levels.max()
    beyond = np.mean(samples > high) >= 0.5
    if each.deviance < chi2.ppf(1 - GUESSING, 2):
        counts = int(each.hits.sum()), int(each.trials.sum())
        return "above" if beyond or below_half_way(*counts, each.mode["gamma"]) else "unknown"
    if mode > high or beyond:
        return "above"
    if mode < low or np.mean(samples < low) >= 0.5:
        return "below"
    _, least, most = _threshold_limits(each, "measured")
    return "measured" if np.isfinite(most) or least > _least(each) else "unknown"


# ---- One cell -----------------------------------------------------------------------------------


def _fit_cell(
    cell: Cell, task: str, curve: str, proportion: float | None, overdispersion: bool
) -> CellFit:
    name, on_log = CURVES[curve]
    axis = np.log(cell.levels) if on_log else cell.levels
    low, span = float(axis[0]), float(axis[-1] - axis[0])
    # Rounded, so that a change of unit changes no bit of the fit.
    standard = np.round((axis - low) / span, 12)
    made = posterior(
        np.column_stack([standard, cell.hits, cell.trials]),
        sigmoid=name,
        guess=GUESS[task],
        same=(cell.false_alarms, cell.same_trials),
        overdispersion=overdispersion,
        log_range=span if on_log else None,
        rng=np.random.default_rng(cell.seed),
    )

    def moved(values: dict[str, Any]) -> dict[str, Any]:
        """From the standardised axis to the curve's own."""
        return values | {
            "threshold": low + span * values["threshold"],
            "width": span * values["width"],
        }

    ends = [moved({name: limits[end] for name, limits in made.known.items()}) for end in (0, 1)]
    answers = cell.hits.sum() + cell.false_alarms, cell.trials.sum() + cell.same_trials
    fitted = CellFit(
        names=cell.names,
        curve=curve,
        levels=cell.levels,
        hits=cell.hits,
        trials=cell.trials,
        usable=made.settled and not (GUESS[task] is None and answers[0] in (0, answers[1])),
        mode=moved(made.mode),
        samples=moved(made.samples),
        proportion=proportion,
        deviance=0.0,
        known={name: (ends[0][name], ends[1][name]) for name in made.known},
        shape=shape(cell.hits, cell.trials, cell.seed),
    )
    return replace(fitted, deviance=_deviance(fitted, cell, GUESS[task]))


def _deviance(each: CellFit, cell: Cell, guess: float | None) -> float:
    """2 log likelihood ratio against guessing, or against one rate for all trials."""
    gain = _log_likelihood(cell.hits, cell.trials, each.evaluated(cell.levels))
    if guess is not None:
        return 2 * (gain - _log_likelihood(cell.hits, cell.trials, guess))
    gain += _log_likelihood(cell.false_alarms, cell.same_trials, each.mode["gamma"])
    hits, trials = cell.hits.sum() + cell.false_alarms, cell.trials.sum() + cell.same_trials
    return 2 * (gain - _log_likelihood(hits, trials, hits / trials))


def _log_likelihood(hits: Any, trials: Any, probability: Any) -> float:
    """Binomial log likelihood, without its constant."""
    return float(np.sum(xlogy(hits, probability) + xlog1py(trials - hits, -probability)))


def sigmoid(curve: str) -> Any:
    """Psignifit's S of a curve: called with axis, m and w, broadcast."""
    return rising_sigmoid(CURVES[curve][0])


def _psi(curve: str, x: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
    axis = np.log(x) if CURVES[curve][1] else np.asarray(x, dtype=float)
    value = sigmoid(curve)(
        axis,
        parameters["threshold"],
        parameters["width"],
        parameters["gamma"],
        parameters["lambda"],
    )
    return np.asarray(value)


def _threshold(each: CellFit, parameters: dict[str, Any]) -> np.ndarray:
    middle = np.asarray(parameters["threshold"], dtype=float)
    if each.proportion is not None:
        gamma, lapse = np.asarray(parameters["gamma"]), np.asarray(parameters["lambda"])
        with np.errstate(divide="ignore", invalid="ignore"):
            unscaled = (each.proportion - gamma) / np.maximum(1 - lapse - gamma, 0)
        reached = np.clip(unscaled, 1e-12, 1 - 1e-12)
        middle = np.asarray(
            sigmoid(each.curve).inverse(reached, middle, np.asarray(parameters["width"]))
        )
        middle = np.where(unscaled >= 1, np.inf, np.where(unscaled <= 0, -np.inf, middle))
    return np.exp(middle) if CURVES[each.curve][1] else middle


def _row(each: CellFit) -> dict[str, Any]:
    measured = measurability(each)
    bound = {"above": each.levels.max(), "below": each.levels.min()}.get(measured, np.nan)
    threshold, low, high = _threshold_limits(each, measured)
    row = {
        **each.names,
        "threshold": threshold if measured == "measured" else np.nan,
        "threshold_low": low,
        "threshold_high": high,
        "measurable": measured,
        "bound": bound,
        "shape": each.shape,
    }
    # Where the curve was not seen, neither was its width; where not its top, no lapse rate.
    row |= _limits(each, "width", "width", (0.0, np.inf), measured == "measured")
    top = 1 - each.mode["gamma"]
    row |= _limits(each, "lapse", "lambda", (0.0, top), measured in ("measured", "below"))
    row |= _limits(each, "guess", "gamma", (0.0, 1.0), True)
    row |= _limits(each, "eta", "eta", (0.0, 1.0), True)
    return row | {
        "trials": int(each.trials.sum()),
        "levels": len(each.levels),
        "deviance": each.deviance,
    }


def _threshold_limits(each: CellFit, measured: Measured) -> tuple[float, float, float]:
    """Threshold and its limits, in units of x; open where the prior alone would set one.

    The range of a threshold at another proportion than S = .5 follows from that of S = .5. So
    beyond the tested levels, its limit is known only where that of S = .5 is.
    """
    mode, low, high = _interval(each)
    _, half_low, half_high = _interval(replace(each, proportion=None))
    known_low, known_high = each.known["threshold"]
    if CURVES[each.curve][1]:
        known_low, known_high = np.exp(known_low), np.exp(known_high)
    low_open = low < each.levels.min() and min(low, half_low) < known_low
    high_open = high > each.levels.max() and max(high, half_high) > known_high
    if measured not in ("measured", "above") or low_open:
        low = _least(each)
    if measured not in ("measured", "below") or high_open:
        high = np.inf
    return mode, low, high


def _interval(each: CellFit) -> tuple[float, float, float]:
    """Threshold, and where 95 % of the posterior lie: at least as far as the threshold."""
    mode, samples = thresholds(each)
    # `method` picks a sample: between a number and infinity there is nothing to interpolate.
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    low, high = np.quantile(samples, tails, method="inverted_cdf")
    return mode, float(min(low, mode)), float(max(high, mode))


def _least(each: CellFit) -> float:
    """Where the axis of x begins."""
    return 0.0 if CURVES[each.curve][1] else -np.inf


def _limits(each: CellFit, ours: str, theirs: str, possible: Range, seen: bool) -> dict[str, float]:
    """A parameter with its limits; NaN, and open, where the end of a prior would set them."""
    value, (least, most) = each.mode[theirs], each.known[theirs]
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    low, high = np.quantile(each.samples[theirs], tails)
    return {
        ours: value if seen and least <= value <= most else np.nan,
        f"{ours}_low": float(low) if seen and low >= least else possible[0],
        f"{ours}_high": float(high) if seen and high <= most else possible[1],
    }

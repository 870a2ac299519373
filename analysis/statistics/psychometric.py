"""Psychometric functions of single cells (a participant × a condition), by psignifit.

ψ(x; m, w, λ, γ) = γ + (1 − λ − γ) S(x; m, w), in the parameterisation of Schütt, Harmeling, Macke
& Wichmann (2016): S is .5 at the threshold m, and rises from .05 to .95 within the width w. A
threshold outside the tested levels is reported as not measurable, where psignifit gives a number.
The posterior, its ranges and priors are in `analysis.statistics.posterior`.
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
from analysis.trials.cells import CURVES, GUESSING_ALPHA, Cell, below_half_way, pool_levels
from analysis.trials.frame import GUESS, check_trials, single_value
from scenes.base.errors import InputError, unknown

Measured = Literal["measured", "above", "below", "unknown", "falling", "not monotone"]

COVERAGE = 0.95


@dataclass(frozen=True)
class CellFit:
    """Fit of one cell: usually a participant in a condition."""

    names: dict[str, Any]  # values of the columns that define the cell
    curve: str  # of `CURVES`
    # (K,): pooled by level, without same trials
    levels: np.ndarray
    hits: np.ndarray
    trials: np.ndarray
    usable: bool  # has a posterior, and not only equal answers (same–different)
    # of threshold and width (of log x for curves on log x), lambda, gamma and eta:
    mode: dict[str, float]
    samples: dict[str, np.ndarray]  # (SAMPLES,)
    proportion: float | None  # ψ at threshold; None: S = .5
    deviance: float  # 2 log likelihood ratio against guessing (same–different: one rate for all)
    known: dict[str, Range]  # where answers, not the prior's ends, set the value
    shape: Shape

    def evaluate(self, x: np.ndarray) -> np.ndarray:
        """Return ψ at the mode of the posterior, (len(x),)."""
        return _psi(self.curve, x, self.mode)

    def band(self, x: np.ndarray, coverage: float = COVERAGE) -> tuple[np.ndarray, np.ndarray]:
        """Return lower and upper end of the pointwise credible band of ψ, each (len(x),)."""
        each = {name: values[:, None] for name, values in self.samples.items()}
        tails = [(1 - coverage) / 2, (1 + coverage) / 2]
        low, high = np.quantile(_psi(self.curve, x, each), tails, axis=0)
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
        Trials of one task (`analysis.trials.load.from_table`).
    by
        Columns that define the cells.
    x
        Column of the stimulus axis.
    curve
        ``weibull``, ``log_normal`` or ``log_logistic`` are functions of log x, and drop level 0;
        ``norm``, ``logistic`` or ``gumbel`` are functions of x.
    proportion
        Proportion correct at threshold (in same–different, of "different"); by default the
        threshold is where S = .5, in the middle between guess rate and 1 − lapse rate.
    overdispersion
        Fit a beta-binomial (``eta``); False fits a binomial, which is much faster.
    workers
        Number of processes. With more than one, a script needs ``if __name__ == "__main__":``.
    seed
        Seed of the posterior samples: equal seeds give equal tables.

    Returns
    -------
    pandas.DataFrame
        A row for each cell: the columns of `by`; ``threshold`` in units of x (mode of the joint
        posterior) with ``threshold_low`` and ``threshold_high`` (95 % credible, from posterior
        samples, widened to include the mode); ``measurable``: ``measured``, ``above`` or ``below``
        the tested levels, ``unknown``, ``falling`` or ``not monotone``. Where it is not
        ``measured``, the threshold is NaN and its interval open, up to infinity or down to 0 (to
        −∞ on x); ``bound`` is the level that it is above or below; ``shape`` of the answers over
        the levels; ``width`` (in log units on log x), ``lapse``, ``guess`` and ``eta`` with
        intervals, all at the mode of the posterior; ``trials``, ``levels``; ``deviance`` against
        guessing. Where only the end of a prior would set a limit, it is open (infinite, or the end
        of the possible range), and a value there is NaN.

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
    options: dict[str, Any] = {"proportion": proportion, "overdispersion": overdispersion}
    return table(fit_cells(frame, by=by, x=x, curve=curve, workers=workers, seed=seed, **options))


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
    """Fit each cell as `fit` does, and return the fits, for curves and bands."""
    if curve not in CURVES:
        raise unknown("curve", curve, CURVES)
    task = single_value(check_trials(frame, ("correct", "n", "task", x, *by)), "task")
    if proportion is not None and not (GUESS[task] or 0) < proportion < 1:
        raise InputError(
            f"proportion {proportion} is not allowed for {task}; use a number above "
            f"{GUESS[task] or 0:.3g} (guessing) and below 1"
        )
    one = partial(
        _fit_cell, task=task, curve=curve, proportion=proportion, overdispersion=overdispersion
    )
    cells = [
        replace(pool_levels(cell, dict(zip(by, names, strict=True)), x, curve), seed=(seed, number))
        for number, (names, cell) in enumerate(frame.groupby(list(by), sort=True, observed=True))
    ]
    if workers == 1 or len(cells) == 1:
        return [one(cell) for cell in cells]
    with ProcessPoolExecutor(min(workers, len(cells)), mp_context=get_context("spawn")) as pool:
        return list(pool.map(one, cells))


def table(fits: Sequence[CellFit]) -> pd.DataFrame:
    """Return the table of `fit`, a row for each fit (`fit_cells`)."""
    return pd.DataFrame([_row(each) for each in fits])


def thresholds(each: CellFit) -> tuple[float, np.ndarray]:
    """Return the threshold at the mode and at each sample (units of x); inf if ψ ends below it."""
    return float(_threshold(each, each.mode)), _threshold(each, each.samples)


def measurability(each: CellFit) -> Measured:
    """Return whether the threshold is within the tested levels.

    ``falling`` or ``not monotone`` if the answers do not rise with the level; ``unknown`` if all
    answers in same–different are equal, or no posterior was found. If a likelihood-ratio test (two
    parameters, α = .05) does not show the answers to be better than guessing: ``above`` if most of
    the posterior is above the highest level or an exact test shows the answers to be below the
    middle between guessing and 1, else ``unknown``. Otherwise ``above`` or ``below`` if the mode or
    half of the posterior is above or below the tested levels, and ``unknown`` if neither limit of
    the threshold is known.
    """
    if each.shape in ("falling", "not monotone"):
        return each.shape
    if not each.usable:
        return "unknown"
    mode, samples = thresholds(each)
    low, high = each.levels.min(), each.levels.max()
    beyond = np.mean(samples > high) >= 0.5
    if each.deviance < chi2.ppf(1 - GUESSING_ALPHA, 2):
        counts = int(each.hits.sum()), int(each.trials.sum())
        return "above" if beyond or below_half_way(*counts, each.mode["gamma"]) else "unknown"
    if mode > high or beyond:
        return "above"
    if mode < low or np.mean(samples < low) >= 0.5:
        return "below"
    _, least, most = _threshold_limits(each, "measured")
    return "measured" if np.isfinite(most) or least > _least(each) else "unknown"


def _fit_cell(
    cell: Cell, task: str, curve: str, proportion: float | None, overdispersion: bool
) -> CellFit:
    name, on_log = CURVES[curve]
    axis = np.log(cell.levels) if on_log else cell.levels
    low, span = float(axis[0]), float(axis[-1] - axis[0])
    # Rounded, so that the fit is the same in every unit.
    standard = np.round((axis - low) / span, 12)
    fitted = posterior(
        np.column_stack([standard, cell.hits, cell.trials]),
        sigmoid=name,
        guess=GUESS[task],
        same=(cell.false_alarms, cell.same_trials),
        overdispersion=overdispersion,
        log_range=span if on_log else None,
        rng=np.random.default_rng(cell.seed),
    )

    def on_axis(values: dict[str, Any]) -> dict[str, Any]:
        """Convert from the standardised axis to the curve's own."""
        return values | {
            "threshold": low + span * values["threshold"],
            "width": span * values["width"],
        }

    ends = [on_axis({name: limits[end] for name, limits in fitted.known.items()}) for end in (0, 1)]
    answers = cell.hits.sum() + cell.false_alarms, cell.trials.sum() + cell.same_trials
    cell_fit = CellFit(
        names=cell.names,
        curve=curve,
        levels=cell.levels,
        hits=cell.hits,
        trials=cell.trials,
        usable=fitted.settled and not (GUESS[task] is None and answers[0] in (0, answers[1])),
        mode=on_axis(fitted.mode),
        samples=on_axis(fitted.samples),
        proportion=proportion,
        deviance=0.0,
        known={name: (ends[0][name], ends[1][name]) for name in fitted.known},
        shape=shape(cell.hits, cell.trials, cell.seed),
    )
    return replace(cell_fit, deviance=_deviance(cell_fit, cell, GUESS[task]))


def _deviance(each: CellFit, cell: Cell, guess: float | None) -> float:
    """Return 2 log likelihood ratio against guessing (same–different: one rate for all trials)."""
    gain = _log_likelihood(cell.hits, cell.trials, each.evaluate(cell.levels))
    if guess is not None:
        return 2 * (gain - _log_likelihood(cell.hits, cell.trials, guess))
    gain += _log_likelihood(cell.false_alarms, cell.same_trials, each.mode["gamma"])
    hits, trials = cell.hits.sum() + cell.false_alarms, cell.trials.sum() + cell.same_trials
    return 2 * (gain - _log_likelihood(hits, trials, hits / trials))


def _log_likelihood(hits: Any, trials: Any, probability: Any) -> float:
    """Return the binomial log likelihood without its constant."""
    return float(np.sum(xlogy(hits, probability) + xlog1py(trials - hits, -probability)))


def sigmoid(curve: str) -> Any:
    """Return psignifit's S of a curve: a function of axis, m and w, which are broadcast."""
    return rising_sigmoid(CURVES[curve][0])


def _psi(curve: str, x: np.ndarray, parameters: dict[str, Any]) -> np.ndarray:
    axis = np.log(x) if CURVES[curve][1] else np.asarray(x, dtype=float)
    values = (parameters[name] for name in ("threshold", "width", "gamma", "lambda"))
    return np.asarray(sigmoid(curve)(axis, *values))


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
    # The width is known only if the threshold is measured, the lapse rate only if the levels reach
    # the top of the curve.
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
    """Return threshold and limits in units of x; limits that only the prior would set are open.

    Beyond the tested levels, the limit of a threshold at another proportion than S = .5 is known
    only if that at S = .5 is.
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
    """Return the threshold and its 95 % interval, widened to include the threshold."""
    mode, samples = thresholds(each)
    # `method` picks a sample: between a number and infinity there is nothing to interpolate.
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    low, high = np.quantile(samples, tails, method="inverted_cdf")
    return mode, float(min(low, mode)), float(max(high, mode))


def _least(each: CellFit) -> float:
    """Return the lowest possible threshold: 0 on log x, else −∞."""
    return 0.0 if CURVES[each.curve][1] else -np.inf


def _limits(
    each: CellFit, ours: str, theirs: str, possible: Range, shown: bool
) -> dict[str, float]:
    """Return a parameter with its limits; NaN and open where only the prior would set them."""
    value, (least, most) = each.mode[theirs], each.known[theirs]
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    low, high = np.quantile(each.samples[theirs], tails)
    return {
        ours: value if shown and least <= value <= most else np.nan,
        f"{ours}_low": float(low) if shown and low >= least else possible[0],
        f"{ours}_high": float(high) if shown and high <= most else possible[1],
    }

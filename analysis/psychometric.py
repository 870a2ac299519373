"""Psychometric functions of single cells (a participant × a condition), by psignifit.

ψ(x; m, w, λ, γ) = γ + (1 − λ − γ) S(x; m, w), in the parameterisation of Schütt, Harmeling, Macke
& Wichmann (2016): S is .5 at the threshold m, and rises from .05 to .95 within the width w. A
threshold outside the tested levels is not measurable: psignifit would give a number all the same.
"""

from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.stats import beta, chi2

from analysis.cells import CURVES, GUESSING, Cell, pooled
from analysis.trials import GUESS, checked, only
from scenes.errors import InputError, unknown

Measured = Literal["measured", "above", "below"]

SAMPLES = 2000  # of a posterior: quantiles at .025 to within .0035
COVERAGE = 0.95
# Same trials stand this many ranges of the levels below them: S is 0 there, and ψ the guess rate.
FAR_BELOW = 1e4
# Same–different has a guess rate more to find: a coarser grid for a fit of seconds.
YES_NO_STEPS = {"threshold": 30, "width": 30, "lambda": 20, "gamma": 15, "eta": 10}
# Rates that the data exclude at this level stay off the grid, whose steps are finer for it.
EXCLUDED = 1e-5


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
    mode
        Mode of the posterior: threshold and width (of log x for curves on log x), lambda, gamma,
        eta.
    samples
        (SAMPLES,) of each of the five, drawn from the posterior.
    proportion
        Value of ψ that the threshold stands for; None for the middle of S.
    deviance
        2 log likelihood ratio of the fitted curve against answers at the guess rate alone.
    """

    names: dict[str, Any]
    curve: str
    levels: np.ndarray
    hits: np.ndarray
    trials: np.ndarray
    mode: dict[str, float]
    samples: dict[str, np.ndarray]
    proportion: float | None
    deviance: float

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
        Trials (`analysis.load.from_table`), of one task.
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
        ``threshold_high`` (95 % credible, from posterior samples; the value is of the joint mode,
        so with few trials a width or a rate can lie outside of its own limits); ``measurable``:
        ``measured``, or ``above`` or ``below`` the tested levels, where the threshold is NaN and
        its interval open, up to infinity or down to 0 (to −∞ on x); ``bound``: the level that it
        is above or below; ``width`` (in log units on log x), ``lapse``, ``guess`` and
        ``eta`` with intervals, all at the mode of the posterior; ``trials``, ``levels``;
        ``deviance`` against guessing.

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

    ``above`` the greatest where the mode or half of the posterior is there, or where the answers
    are not better than guessing (likelihood ratio, two parameters, α = .05); ``below`` the least
    where the mode or half of the posterior is there.
    """
    mode, samples = thresholds(each)
    low, high = each.levels.min(), each.levels.max()
    guessing = each.deviance < chi2.ppf(1 - GUESSING, 2)
    if guessing or mode > high or np.mean(samples > high) >= 0.5:
        return "above"
    return "below" if mode < low or np.mean(samples < low) >= 0.5 else "measured"


# ---- One cell -----------------------------------------------------------------------------------


def _fit_cell(
    cell: Cell, task: str, curve: str, proportion: float | None, overdispersion: bool
) -> CellFit:
    from psignifit import psignifit  # here, so that a command that fits nothing starts at once

    name, on_log = CURVES[curve]
    axis = np.log(cell.levels) if on_log else cell.levels
    data = np.column_stack([axis, cell.hits, cell.trials])
    options: dict[str, Any] = {"sigmoid": name, "verbose": False, "debug": True}
    if not overdispersion:
        options["fixed_parameters"] = {"eta": 0.0}
    guess = GUESS[task]
    if guess is None:
        options |= {
            "experiment_type": "yes/no",
            "grid_steps": YES_NO_STEPS,
            "stimulus_range": (axis[0], axis[-1]),
            "width_min": np.diff(axis).min(),
        }
        if cell.same_trials:
            far = axis[0] - FAR_BELOW * (axis[-1] - axis[0])
            data = np.vstack([[far, cell.false_alarms, cell.same_trials], data])
            options["bounds"] = _rates(cell)
    else:
        options["experiment_type"] = f"{round(1 / guess)}AFC"
    # Of very narrow curves on its grid, psignifit's Gumbel overflows where S is 1 all the same.
    with np.errstate(over="ignore"):
        result = psignifit(data, **options)
    mode = {name: float(value) for name, value in result.parameter_estimate_MAP.items()}
    samples = result.posterior_samples(SAMPLES, random_state=np.random.default_rng(cell.seed))
    made = CellFit(
        cell.names, curve, cell.levels, cell.hits, cell.trials, mode, samples, proportion, 0.0
    )
    flat = np.full(len(cell.levels), mode["gamma"])
    gain = _log_likelihood(made, made.evaluated(cell.levels)) - _log_likelihood(made, flat)
    return replace(made, deviance=2 * gain)


def _rates(cell: Cell) -> dict[str, tuple[float, float]]:
    """Limits of false-alarm and lapse rate; psignifit's own end at .5, and are coarse below it."""
    tail = EXCLUDED / 2
    alarms, same = cell.false_alarms, cell.same_trials
    low = beta.ppf(tail, alarms, same - alarms + 1) if alarms else 0.0
    high = beta.isf(tail, alarms + 1, same - alarms) if alarms < same else 1.0
    misses = cell.trials - cell.hits  # ψ ends at 1 − λ: no level has fewer of them than λ
    most = beta.isf(tail, misses + 1, np.maximum(cell.hits, 0.5))
    return {"gamma": (float(low), float(high)), "lambda": (0.0, float(min(most.min(), 0.5)))}


def _log_likelihood(each: CellFit, probability: np.ndarray) -> float:
    """Binomial log likelihood of the cell, without its constant."""
    p = np.clip(probability, 1e-12, 1 - 1e-12)
    return float(np.sum(each.hits * np.log(p) + (each.trials - each.hits) * np.log1p(-p)))


def sigmoid(curve: str) -> Any:
    """Psignifit's S of a curve: called with axis, m and w, broadcast."""
    from psignifit.sigmoids import sigmoid_by_name

    return sigmoid_by_name(CURVES[curve][0], PC=0.5, alpha=0.05)


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
        unscaled = (each.proportion - gamma) / (1 - lapse - gamma)
        reached = np.clip(unscaled, 1e-12, 1 - 1e-12)
        middle = np.asarray(
            sigmoid(each.curve).inverse(reached, middle, np.asarray(parameters["width"]))
        )
        middle = np.where(unscaled >= 1, np.inf, np.where(unscaled <= 0, -np.inf, middle))
    return np.exp(middle) if CURVES[each.curve][1] else middle


def _open_ended(low: float, high: float, measured: Measured, on_log: bool) -> tuple[float, float]:
    """Limits of a threshold; beyond the tested levels the prior alone would set one."""
    if measured == "above":
        return low, np.inf
    if measured == "below":
        return 0.0 if on_log else -np.inf, high
    return low, high


def _row(each: CellFit) -> dict[str, Any]:
    tails = [(1 - COVERAGE) / 2, (1 + COVERAGE) / 2]
    mode, samples = thresholds(each)
    measured = measurability(each)
    # `method` picks a sample: between a number and infinity there is nothing to interpolate.
    low, high = np.quantile(samples, tails, method="inverted_cdf")
    low, high = _open_ended(low, high, measured, CURVES[each.curve][1])
    bound = {"measured": np.nan, "above": each.levels.max(), "below": each.levels.min()}[measured]
    row = {
        **each.names,
        "threshold": mode if measured == "measured" else np.nan,
        "threshold_low": low,
        "threshold_high": high,
        "measurable": measured,
        "bound": bound,
    }
    names = {"width": "width", "lapse": "lambda", "guess": "gamma", "eta": "eta"}
    for ours, theirs in names.items():
        low, high = np.quantile(each.samples[theirs], tails)
        row |= {ours: each.mode[theirs], f"{ours}_low": low, f"{ours}_high": high}
    return row | {
        "trials": int(each.trials.sum()),
        "levels": len(each.levels),
        "deviance": each.deviance,
    }

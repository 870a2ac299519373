"""Sensitivity d′ from proportions correct and from rates, under both decision models.

Φ is the standard normal distribution, z = Φ⁻¹, d the sensitivity. A proportion correct at or below
guessing gives d = 0. A proportion of 1 gives infinity, or is log-linearly corrected if the number
of trials is known (Hautus 1995).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import elementwise
from scipy.special import ndtr, ndtri
from scipy.stats import beta

from analysis.statistics.decision_models import (
    DECISION_MODELS,
    Curve,
    DecisionModel,
    check_decision_model,
    correct_curve,
)
from analysis.trials.frame import check_trials, is_same, single_value
from scenes.base.errors import InputError

LARGEST = 60.0  # a d′ whose proportion correct is 1 to the last digit in every task
ROUNDING = 1e-9  # error of the integrals: a smaller excess over guessing counts as guessing
DRAWS = 4000  # draws of rates, for intervals in same–different


def proportion_correct(
    d: ArrayLike, *, task: str, decision_model: DecisionModel = "differencing"
) -> Any:
    """Return the proportion correct of an unbiased observer without lapses.

    Parameters
    ----------
    d
        Sensitivities d′, from 0, of any shape.
    task
        ``oddity`` (three images, either kind may be the odd one), ``match_to_sample`` (ABX),
        ``same_different`` (under ``differencing``, with the criterion that is best), ``2afc`` or
        any m in ``3afc``, ``4afc``, … (the same rule under both decision models).
    decision_model
        ``differencing``: the observer compares differences between images; ``independent``: the
        observer weighs the likelihood of each image.

    Returns
    -------
    numpy.ndarray or float
        Proportions correct, of the shape of `d`.

    Raises
    ------
    InputError
        No such task or decision model, or a negative d.

    Notes
    -----
    Oddity: Frijters (1980) for differencing; Versfeld, Dai & Green (1996) for independent
    observations, whose likelihood rule is to choose the image farthest from half the sum of
    the three (measured from the middle of the two means): this leaves one integral.
    Match-to-sample and same–different: Macmillan & Creelman (2005). m-AFC: Green & Swets (1966).

    Examples
    --------
    >>> round(float(proportion_correct(1.0, task="oddity")), 4)
    0.418
    """
    values = np.asarray(d, dtype=float)
    if (values < 0).any():
        raise InputError(f"d' {values.min():g} is not allowed; use numbers from 0")
    return _like(correct_curve(task, decision_model)(np.atleast_1d(values)), values)


def dprime(
    pc: ArrayLike,
    *,
    task: str,
    decision_model: DecisionModel = "differencing",
    n: ArrayLike | None = None,
) -> Any:
    """Return the sensitivity d′ of a proportion correct: the inverse of `proportion_correct`.

    Parameters
    ----------
    pc
        Proportions correct, 0 to 1, of any shape.
    task, decision_model
        As in `proportion_correct`.
    n
        Number of trials of each proportion. If given, a proportion of 1 is replaced by
        (n + .5)/(n + 1).

    Returns
    -------
    numpy.ndarray or float
        0 at and below guessing, infinity at 1 (without `n`), NaN for NaN.

    Raises
    ------
    InputError
        No such task or decision model, or a proportion outside 0 to 1.
    """
    values = np.asarray(pc, dtype=float)
    _check_rates("proportion correct", values)
    if n is not None:
        trials = np.asarray(n, dtype=float)
        values = np.where(values == 1, (trials + 0.5) / (trials + 1), values)
    curve = correct_curve(task, decision_model)
    return _like(_inverse(curve, np.atleast_1d(values)), values)


def dprime_from_rates(
    hits: ArrayLike,
    false_alarms: ArrayLike,
    *,
    decision_model: DecisionModel = "differencing",
) -> Any:
    """Return sensitivity d′ in same–different from the rates of "different" answers.

    Parameters
    ----------
    hits
        Rate of "different" for different images, 0 to 1.
    false_alarms
        Rate of "different" for same images, 0 to 1.
    decision_model
        ``differencing`` (Macmillan & Creelman): F = 2Φ(−k/√2), H = Φ((d − k)/√2) +
        Φ((−d − k)/√2). ``independent``: best unbiased proportion Φ{[z(H) − z(F)]/2} =
        Φ(d/2)² + Φ(−d/2)².

    Returns
    -------
    numpy.ndarray or float
        0 where hits do not exceed false alarms, infinity where a rate of 0 or 1 allows no finite
        value (`table` corrects such rates), NaN for NaN.

    Raises
    ------
    InputError
        No such decision model, or a rate outside 0 to 1.
    """
    h, f = np.broadcast_arrays(np.asarray(hits, dtype=float), np.asarray(false_alarms, dtype=float))
    _check_rates("hits", h)
    _check_rates("false alarms", f)
    check_decision_model(decision_model)
    flat_h, flat_f = np.atleast_1d(h).astype(float), np.atleast_1d(f).astype(float)
    if decision_model == "independent":
        with np.errstate(invalid="ignore"):
            best = ndtr((ndtri(flat_h) - ndtri(flat_f)) / 2)
        found = _independent_same_different(best)
    else:
        found = _differencing_rates(flat_h, flat_f)
    found = np.where(flat_h <= flat_f, 0.0, found)
    return _like(np.where(np.isnan(flat_h) | np.isnan(flat_f), np.nan, found), h)


def table(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = ("observer", "condition", "level"),
    coverage: float = 0.95,
    seed: int = 0,
) -> pd.DataFrame:
    """Return the sensitivity of each cell under both decision models.

    Parameters
    ----------
    frame
        Trials of one task.
    by
        Columns that define the cells. In same–different, false alarms are pooled over the levels
        of a cell.
    coverage
        Of the intervals: transformed Clopper–Pearson limits of the proportion; in same–different,
        quantiles over draws of both rates (Beta, Jeffreys prior).
    seed
        Seed of those draws.

    Returns
    -------
    pandas.DataFrame
        A row for each cell: `by`, ``trials``, ``correct``, ``proportion`` with ``_low`` and
        ``_high``; in same–different ``hits`` and ``false_alarms``; ``dprime_differencing`` and
        ``dprime_independent``, each with ``_low`` and ``_high``; ``corrected``: the cell was at
        ceiling, and its d′ is log-linearly corrected. Never average these values over people (0
        and ceiling are clipped): `analysis.statistics.mixed_models` models proportions instead.
    """
    task = single_value(check_trials(frame, ("correct", "n", "task", *by)), "task")
    if task == "same_different":
        return _rates_table(frame, list(by), coverage, np.random.default_rng(seed))
    counts = frame.groupby(list(by), sort=True)[["correct", "n"]].sum()
    k, n = counts["correct"].to_numpy(dtype=float), counts["n"].to_numpy(dtype=float)
    low, high = clopper_pearson(k, n, coverage)
    cells = counts.rename(columns={"n": "trials"})[["trials", "correct"]].reset_index()
    cells = cells.assign(proportion=k / n, proportion_low=low, proportion_high=high)
    for model in DECISION_MODELS:
        cells[f"dprime_{model}"] = dprime(k / n, task=task, decision_model=model, n=n)
        cells[f"dprime_{model}_low"] = dprime(low, task=task, decision_model=model)
        cells[f"dprime_{model}_high"] = dprime(high, task=task, decision_model=model)
    return cells.assign(corrected=k == n)


def clopper_pearson(
    k: np.ndarray, n: np.ndarray, coverage: float = 0.95
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper exact limits of a proportion k/n (Clopper & Pearson 1934)."""
    tail = (1 - coverage) / 2
    low = np.where(k > 0, beta.ppf(tail, np.maximum(k, 0.5), n - k + 1), 0.0)
    high = np.where(k < n, beta.ppf(1 - tail, k + 1, np.maximum(n - k, 0.5)), 1.0)
    return low, high


def _inverse(curve: Curve, pc: np.ndarray) -> np.ndarray:
    """Return d′ of each proportion: roots of a rising curve between 0 and `LARGEST`."""
    least, most = curve(np.array([0.0, LARGEST]))
    found = np.where(pc <= least + ROUNDING, 0.0, np.inf)
    found[np.isnan(pc)] = np.nan
    inner = (pc > least + ROUNDING) & (pc < min(most, 1))  # rounding leaves integrals above 1
    if inner.any():
        found[inner] = _root(lambda d, p: curve(d) - p, pc[inner])
    return found


def _root(function: Any, *arguments: np.ndarray) -> np.ndarray:
    """Return the roots in d of a function of (d, …), element by element."""
    find: Any = elementwise.find_root  # its type stubs only know functions of one argument
    found = find(function, (0.0, LARGEST), args=arguments)
    return np.where(found.success, found.x, np.inf)  # infinite if there is no root up to `LARGEST`


def _independent_same_different(best: np.ndarray) -> np.ndarray:
    """Return d where Φ(d/2)² + Φ(−d/2)² = best: a quadratic in Φ(d/2)."""
    with np.errstate(invalid="ignore"):
        return 2 * ndtri((1 + np.sqrt(2 * np.maximum(best, 0.5) - 1)) / 2)


def _differencing_rates(h: np.ndarray, f: np.ndarray) -> np.ndarray:
    found = np.full(h.shape, np.inf)
    inner = (h > f) & (h < 1) & (f > 0)
    if inner.any():
        k = -np.sqrt(2) * ndtri(f[inner] / 2)

        def surplus(d: np.ndarray, k: np.ndarray, h: np.ndarray) -> np.ndarray:
            return ndtr((d - k) / np.sqrt(2)) + ndtr((-d - k) / np.sqrt(2)) - h

        found[inner] = _root(surplus, k, h[inner])
    return found


def _rates_table(
    frame: pd.DataFrame, by: list[str], coverage: float, rng: np.random.Generator
) -> pd.DataFrame:
    same = is_same(frame)
    cells = [key for key in by if key != "level"]
    counted = frame.assign(wrong=frame["n"] - frame["correct"])
    alarms = counted[same].groupby(cells or (lambda _: 0), sort=True)[["wrong", "n"]].sum()
    rows = []
    for names, cell in counted[~same].groupby(by, sort=True):
        key = tuple(name for name, column in zip(names, by, strict=True) if column != "level")
        index: Any = (key if len(key) > 1 else key[0]) if cells else 0
        if index not in alarms.index:
            raise InputError(
                f"{', '.join(map(str, key))}: no trials with a same pair; without false alarms "
                "there is no d' in same-different"
            )
        wrong, n_same = alarms.loc[index]
        counts = float(cell["correct"].sum()), float(cell["n"].sum()), float(wrong), float(n_same)
        rows.append(dict(zip(by, names, strict=True)) | _rates_row(*counts, coverage, rng))
    return pd.DataFrame(rows)


def _rates_row(
    k: float, n: float, wrong: float, n_same: float, coverage: float, rng: np.random.Generator
) -> dict[str, Any]:
    h, f = k / n, wrong / n_same
    corrected = h in (0, 1) or f in (0, 1)
    used = ((k + 0.5) / (n + 1), (wrong + 0.5) / (n_same + 1)) if corrected else (h, f)
    draws = (
        rng.beta(k + 0.5, n - k + 0.5, DRAWS),
        rng.beta(wrong + 0.5, n_same - wrong + 0.5, DRAWS),
    )
    tails = [(1 - coverage) / 2, (1 + coverage) / 2]
    row = {"trials": int(n + n_same), "correct": int(k + n_same - wrong), "hits": h}
    row |= {"false_alarms": f, "proportion": (h + 1 - f) / 2}
    if h == f and h in (0, 1):  # equal answers: the correction would turn counts into a d'
        limits = (np.nan, 0.0, np.inf)
        for model in DECISION_MODELS:
            names = (f"dprime_{model}{end}" for end in ("", "_low", "_high"))
            row |= dict(zip(names, limits, strict=True))
        return row | {"corrected": False}
    for model in DECISION_MODELS:
        low, high = np.quantile(dprime_from_rates(*draws, decision_model=model), tails)
        row[f"dprime_{model}"] = float(dprime_from_rates(*used, decision_model=model))
        row |= {f"dprime_{model}_low": low, f"dprime_{model}_high": high}
    return row | {"corrected": corrected}


def _check_rates(name: str, values: np.ndarray) -> None:
    if ((values < 0) | (values > 1)).any():
        wrong = values[(values < 0) | (values > 1)].flat[0]
        raise InputError(f"{name}: {wrong:g} is not allowed; use proportions from 0 to 1")


def _like(values: np.ndarray, argument: np.ndarray) -> Any:
    """Return values in the shape of the argument; a number if it was a number."""
    return float(values[0]) if argument.ndim == 0 else values.reshape(argument.shape)

"""Logistic mixed model of the group: correct answers of all people and targets.

logit P(correct) = β[cell] + u[observer] + v[target], u and v normal: crossed random intercepts,
fitted by statsmodels (variational Bayes, one trial a row). Its variational errors ignore the
correlation between a cell's mean and the observers' intercepts, and are too small; the
covariance used is that of the mixed-model equations (Henderson 1975) at the fitted values, and
intervals are Student's. Their degrees of freedom are the number of observers or of targets,
the smaller one, less one.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t
from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM
from statsmodels.tools.sm_exceptions import ConvergenceWarning

from analysis.trials.frame import check_trials
from scenes.base.errors import InputError

FIXED_SD, SPREAD_SD = 3.0, 1.0  # priors: of β (logits), and of the log of a spread
MOST_SPREAD = 10.0  # logits: beyond it, a person or target is always correct or always wrong
MOST_STEPS = 5000
SMALL_GRADIENT = 0.05  # gradient of the bound on the log evidence at which a fit has converged
_START_SD = np.exp(-0.5)  # first SD of the variational posterior, typical of statsmodels'
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(31)


def fit(
    frame: pd.DataFrame,
    *,
    by: Sequence[str] = ("condition",),
    random: Sequence[str] | None = None,
    coverage: float = 0.95,
) -> pd.DataFrame:
    """Fit the group's proportion of correct answers in every cell.

    Parameters
    ----------
    frame
        Trials of one task, independent given observer and target.
    by
        Columns of the cells: fixed effects.
    random
        Columns with crossed random intercepts; by default observer and target (stimulus if there
        is no target). A column with a single value is ignored.
    coverage
        Coverage of the intervals.

    Returns
    -------
    pandas.DataFrame
        A row for each cell: `by`, ``trials``, ``correct``; ``logit`` (β) with ``logit_se``,
        ``logit_low``, ``logit_high``; ``proportion`` with ``_low`` and ``_high``: P(correct)
        averaged over the population of observers and targets; ``df``; and ``sd_<column>`` of each
        random intercept (logits), the same in every row.

    Raises
    ------
    InputError
        A column is missing, there are fewer than two observers, a spread is not measurable, or
        the fit does not converge.

    Examples
    --------
    >>> mixed_models.fit(trials, by=("condition", "level"))[["condition", "level", "proportion"]]
    """
    random = _random_columns(frame, random)
    check_trials(frame, ("observer", "correct", "n", *by, *random))
    if frame["observer"].nunique() < 2:
        raise InputError(
            "a mixed model needs at least two observers; fit one with psychometric.fit"
        )
    single = _single_trials(frame)
    cells = single.groupby(list(by), sort=True, observed=True).ngroup().to_numpy()
    fixed = np.eye(cells.max() + 1)[cells]
    answers = single["correct"].to_numpy(dtype=float)
    codes = [pd.factorize(single[column])[0] for column in random]
    effects = [np.eye(code.max() + 1)[code] for code in codes]

    means, spreads, offsets = _statsmodels(answers, fixed, effects)
    for column, spread in zip(random, spreads, strict=True):
        if spread > MOST_SPREAD:
            raise InputError(
                f"the spread of column '{column}' is not measurable: nearly each of its values is "
                "always correct or always wrong; see the table of each participant instead"
            )
    # If a cell is all correct or all wrong, only the prior would set its mean and error.
    share = fixed.T @ answers / fixed.sum(axis=0)
    certain = (share == 0) | (share == 1)
    means = np.where(certain, _logits(answers, fixed), means)
    offsets = np.where(certain[cells], 0.0, offsets)
    covariance = _henderson(fixed, effects, spreads, fixed @ means + offsets)
    errors = np.sqrt(np.diag(covariance)[: len(means)])
    df = min(effect.shape[1] for effect in effects) - 1
    reach = t.ppf((1 + coverage) / 2, df) * errors

    total = float(np.sqrt(np.sum(np.square(spreads))))
    counts = single.groupby(list(by), sort=True, observed=True)["correct"].agg(["size", "sum"])
    table = counts.rename(columns={"size": "trials", "sum": "correct"}).reset_index()
    table = table.assign(
        logit=means, logit_se=errors, logit_low=means - reach, logit_high=means + reach
    )
    for ending, value in (("", means), ("_low", means - reach), ("_high", means + reach)):
        table[f"proportion{ending}"] = population_mean(value, total)
    return table.assign(df=df, **dict(zip([f"sd_{c}" for c in random], spreads, strict=True)))


def population_mean(logit: np.ndarray, spread: float) -> np.ndarray:
    """Return the mean of expit(logit + normal noise), by Gauss–Hermite quadrature.

    Parameters
    ----------
    logit
        Logits, of any shape.
    spread
        Standard deviation of the noise (logits).

    Returns
    -------
    numpy.ndarray
        Probabilities, of the shape of `logit`.
    """
    spaced = np.asarray(logit)[..., None] + spread * _NODES
    return expit(spaced) @ _WEIGHTS / np.sqrt(2 * np.pi)


def _random_columns(frame: pd.DataFrame, random: Sequence[str] | None) -> list[str]:
    if random is not None:
        return list(random)
    second = "target" if "target" in frame.columns else "stimulus"
    return [c for c in ("observer", second) if c in frame.columns and frame[c].nunique() > 1]


def _single_trials(frame: pd.DataFrame) -> pd.DataFrame:
    """Return one row for each trial, as statsmodels takes no counts."""
    if (frame["n"] == 1).all():
        return frame.reset_index(drop=True)
    n, k = frame["n"].to_numpy(dtype=int), frame["correct"].to_numpy(dtype=int)
    repeated = frame.loc[frame.index.repeat(n)].reset_index(drop=True)
    within = np.arange(len(repeated)) - np.repeat(np.cumsum(n) - n, n)
    return repeated.assign(correct=(within < np.repeat(k, n)).astype(int), n=1)


def _statsmodels(
    answers: np.ndarray, fixed: np.ndarray, effects: list[np.ndarray]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return cell means (logits), spreads of random intercepts, and each row's random effects.

    If all answers are correct, or all wrong, spreads are 0, and means are log-linearly corrected.
    """
    if answers.min() == answers.max():
        return _logits(answers, fixed), np.zeros(len(effects)), np.zeros(len(answers))
    idents = np.repeat(np.arange(len(effects)), [e.shape[1] for e in effects])
    together = np.hstack(effects)
    model = BinomialBayesMixedGLM(
        answers, fixed, together, ident=idents, vcp_p=SPREAD_SD, fe_p=FIXED_SD
    )
    mean, sd = _start(answers, fixed, together, len(effects)), None
    for method in ("BFGS", "L-BFGS-B"):
        sd = np.full(len(mean), _START_SD) if sd is None else sd
        # A step of the optimiser may be so long that the evidence is 0.
        with warnings.catch_warnings(), np.errstate(over="ignore", invalid="ignore"):
            # statsmodels warns of very small last steps; the gradient shows whether it converged.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # Without `sd`, statsmodels draws it, and fits differ in the sixth digit.
            fitted: Any = model.fit_vb(
                mean=mean, sd=sd, fit_method=method, minim_opts={"maxiter": MOST_STEPS}
            )
        optimum = fitted.optim_retvals
        converged = optimum.success or np.abs(optimum.jac).max() < SMALL_GRADIENT
        if converged and np.isfinite(optimum.x).all():
            return fitted.fe_mean, np.exp(fitted.vcp_mean), together @ fitted.vc_mean
        mean, sd = optimum.x[: len(mean)], np.exp(optimum.x[len(mean) :])
    raise InputError(
        "the mixed model does not converge; exclude conditions or levels with few trials"
    )


def _start(answers: np.ndarray, fixed: np.ndarray, effects: np.ndarray, spreads: int) -> np.ndarray:
    """Return the start of the fit: the logit of each cell, spreads of .4, random effects of 0."""
    middle = _logits(answers, fixed)
    return np.concatenate([middle, np.full(spreads, np.log(0.4)), np.zeros(effects.shape[1])])


def _logits(answers: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """Return the logit of every cell's proportion correct, log-linearly corrected."""
    return np.asarray(logit((fixed.T @ answers + 0.5) / (fixed.sum(axis=0) + 1)))


def _henderson(
    fixed: np.ndarray, effects: list[np.ndarray], spreads: np.ndarray, logits: np.ndarray
) -> np.ndarray:
    """Return the covariance of fixed and random effects, from the spreads (Henderson 1975)."""
    weights = expit(logits) * expit(-logits)
    design = np.hstack([fixed, *effects])
    precision = design.T @ (weights[:, None] * design)
    sizes = [e.shape[1] for e in effects]
    prior = np.repeat(1 / np.maximum(spreads, 1e-3) ** 2, sizes)
    start = fixed.shape[1]
    precision[np.diag_indices(len(precision))] += np.concatenate([np.full(start, 1e-9), prior])
    return np.asarray(np.linalg.inv(precision))

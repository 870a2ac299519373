"""Test whether people cannot discriminate result and target.

The claim needs a margin that was fixed before the data (smallest d′ of interest), two one-sided
tests which show that the group's proportion correct is within it, a Bayes factor for guessing,
controls on which the same people exceed the margin, and passed catch trials.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit, logsumexp, xlog1py, xlogy
from scipy.stats import halfnorm, t

from analysis.statistics import mixed_models
from analysis.statistics.sensitivity import DecisionModel, dprime, proportion_correct
from analysis.trials.frame import check_trials, is_control, single_value, table_rows
from scenes.base.errors import InputError

MARGIN = 0.5  # smallest d′ of interest
PRIOR_SCALE = 1.0  # of the half-normal prior of d′
ALPHA = 0.05
CATCH_PASSED = 0.75  # minimum proportion of correct catch trials in every session


def equivalence(
    frame: pd.DataFrame,
    *,
    by: str = "condition",
    margin: float = MARGIN,
    decision_model: DecisionModel = "differencing",
    prior_scale: float = PRIOR_SCALE,
    catch_passed: bool | None = None,
) -> pd.DataFrame:
    """Test in each condition whether people's sensitivity is below a margin.

    Parameters
    ----------
    frame
        Trials of people at the levels of the claim (such as only the metamers), of one task with
        a guess rate. Rows with ``control`` in the column `role`, if any, are the controls.
    by
        Column of conditions.
    margin
        Smallest d′ of interest, fixed before the data.
    decision_model
        Model that relates d′ to proportion correct.
    prior_scale
        Scale of the half-normal prior of d′ under the alternative.
    catch_passed
        Whether the people passed the catch trials; None if there were none.

    Returns
    -------
    pandas.DataFrame
        A row for each condition: ``proportion`` of the mixed model with a 90 % interval,
        ``chance``, ``margin_proportion``; ``dprime`` of the group with ``_low`` and ``_high``;
        ``p_below`` and ``p_above`` (the two one-sided tests, against the margin below and above
        chance), ``p`` (the larger one); ``bayes_factor`` for d′ = 0 against the alternative;
        ``control_dprime`` and ``control_dprime_low``; ``cannot_tell`` (whether the claim holds),
        ``reading``.

    Raises
    ------
    InputError
        The task is same–different, a column is missing, or there are fewer than two people.

    Notes
    -----
    The Bayes factor is the likelihood of all answers under d′ = 0 divided by their mean likelihood
    under the prior of d′, binomial with the dispersion of the mixed model.
    """
    check_trials(frame, ("observer", "condition", "correct", "n", "task", by))
    task = single_value(frame, "task")
    if task == "same_different":
        raise InputError(
            "same_different: hits depend on the criterion as much as on sensitivity, so neither "
            "test nor Bayes factor on them can show that people cannot tell; see d' (table "
            "sensitivity), or use oddity or match_to_sample"
        )
    control = is_control(frame)
    rows = []
    fits = mixed_models.fit(frame[~control], by=(by,), coverage=1 - 2 * ALPHA)
    controls = _controls(frame[control], by)
    for fitted in table_rows(fits):
        row = _tests(fitted, task, margin, decision_model, prior_scale)
        row |= _control(controls.get(fitted[by]), task, decision_model)
        rows.append({by: fitted[by]} | row | _claim(row, margin, catch_passed))
    return pd.DataFrame(rows)


def _controls(frame: pd.DataFrame, by: str) -> dict[Any, dict[str, Any]]:
    if frame.empty:
        return {}
    fits = mixed_models.fit(frame, by=(by,), coverage=1 - 2 * ALPHA)
    return {row[by]: row for row in table_rows(fits)}


def _tests(
    fitted: dict[str, Any], task: str, margin: float, decision_model: DecisionModel, scale: float
) -> dict[str, Any]:
    """Return the two one-sided tests and the Bayes factor, from the mixed model's logit."""
    chance, edge = proportion_correct(
        np.array([0.0, margin]), task=task, decision_model=decision_model
    )
    spread = float(
        np.sqrt(sum(value**2 for key, value in fitted.items() if str(key).startswith("sd_")))
    )
    at = {
        name: _logit_of(value, spread)
        for name, value in (("chance", chance), ("high", edge), ("low", 2 * chance - edge))
    }
    beta, se, df = fitted["logit"], fitted["logit_se"], fitted["df"]
    p_above = float(t.cdf((beta - at["high"]) / se, df))
    p_below = float(t.sf((beta - at["low"]) / se, df))
    d = halfnorm.ppf((np.arange(400) + 0.5) / 400, scale=scale)
    expected = proportion_correct(d, task=task, decision_model=decision_model)
    proportions = {f"proportion{end}": fitted[f"proportion{end}"] for end in ("", "_low", "_high")}
    return {
        **proportions,
        "chance": chance,
        "margin_proportion": edge,
        **{
            name.replace("proportion", "dprime"): dprime(
                p, task=task, decision_model=decision_model
            )
            for name, p in proportions.items()
        },
        "p_below": p_below,
        "p_above": p_above,
        "p": max(p_below, p_above),
        "bayes_factor": _bayes_factor(fitted, chance, expected),
    }


def _bayes_factor(fitted: dict[str, Any], chance: float, expected: np.ndarray) -> float:
    """Return the likelihood of guessing divided by the mean likelihood of `expected` proportions.

    The binomial log likelihood is divided by the dispersion: the variance of the mixed model's
    estimate divided by the variance if trials were independent.
    """
    k, n = fitted["correct"], fitted["trials"]
    p = expit(fitted["logit"])
    dispersion = max(1.0, fitted["logit_se"] ** 2 * n * p * (1 - p))

    def log_likelihood(proportion: Any) -> Any:
        return (xlogy(k, proportion) + xlog1py(n - k, -proportion)) / dispersion

    against = log_likelihood(expected) - log_likelihood(chance)
    return float(np.exp(np.log(len(expected)) - logsumexp(against)))


def _logit_of(proportion: float, spread: float) -> float:
    """Return the logit whose population mean is `proportion`: the inverse of `population_mean`."""
    inner = float(np.clip(proportion, 1e-6, 1 - 1e-6))
    grid = np.linspace(-16, 16, 1601)
    return float(np.interp(inner, mixed_models.population_mean(grid, spread), grid))


def _control(
    fitted: dict[str, Any] | None, task: str, decision_model: DecisionModel
) -> dict[str, float]:
    if fitted is None:
        return {"control_dprime": np.nan, "control_dprime_low": np.nan}
    return {
        f"control_{name}": dprime(fitted[key], task=task, decision_model=decision_model)
        for name, key in (("dprime", "proportion"), ("dprime_low", "proportion_low"))
    }


def _claim(row: dict[str, Any], margin: float, catch_passed: bool | None) -> dict[str, Any]:
    """Return whether the claim holds, with the first requirement that fails as reason if not."""
    for fails, reason in (
        (row["p"] >= ALPHA, f"not shown to be within d' {margin:g}"),
        (row["bayes_factor"] <= 1, "the Bayes factor speaks against guessing"),
        (np.isnan(row["control_dprime"]), "no controls show that these people can tell"),
        (row["control_dprime_low"] <= margin, f"controls do not exceed d' {margin:g}"),
        (catch_passed is None, "no catch trials"),
        (catch_passed is False, "catch trials were failed"),
    ):
        if fails:
            return {"cannot_tell": False, "reading": f"no claim: {reason}"}
    return {"cannot_tell": True, "reading": f"people cannot tell (d' below {margin:g})"}

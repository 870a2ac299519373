"""People against models in the same units: log₂(model threshold ÷ human threshold).

Above 0: people see the change at smaller distances than the model does, so the model is the more
invariant. Thresholds beyond the tested levels enter through their likelihood
(`analysis.statistics.threshold_likelihood`), and give open intervals.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from analysis.statistics import ratios, threshold_likelihood
from analysis.statistics.ratios import Names, Ratio
from analysis.statistics.threshold_likelihood import Likelihood

# Courses of answers that have no psychometric function, in words.
NO_CURVE = {
    "falling": "fall with the distance",
    "not monotone": "do not rise with the distance throughout",
}


def compare(
    people: pd.DataFrame,
    model: pd.DataFrame,
    *,
    by: str = "condition",
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
    coverage: float = 0.95,
) -> pd.DataFrame:
    """Compare thresholds of models with those of people, condition by condition.

    Parameters
    ----------
    people
        Trials of people (`analysis.trials.load.from_table`).
    model
        Trials of one or several models, told apart by `observer`: real answers, or expected
        numbers of right ones (`analysis.statistics.model_observers.predict`).
    by
        Column that tells the conditions apart, such as ``condition`` or ``attribute``.
    x, curve, proportion
        Axis, curve (on log x) and proportion at threshold, as in
        `analysis.statistics.psychometric.fit`.
    coverage
        Of all intervals.

    Returns
    -------
    pandas.DataFrame
        A row a condition and model: ``people_threshold`` and ``model_threshold`` in units of x
        with ``_low`` and ``_high``, NaN where not measurable, ``people_measurable`` and
        ``model_measurable`` (``measured``, ``above`` or ``below`` the tested levels, ``unknown``,
        ``falling`` or ``not monotone``: see `threshold_row`);
        ``log2_ratio`` with ``_low`` and ``_high`` (NaN where only a bound is known, the open end
        infinite); ``p`` of equal thresholds, ``p_holm`` over all rows. Where both frames have a
        column `role` with ``control`` rows, the same on these as ``control_log2_ratio`` …, and
        ``relative_log2_ratio`` … = ratio on all other rows less that on controls, with
        ``relative_p_holm``. ``reading`` says in words what holds after Holm's correction, at the
        level 1 − `coverage`.

    Raises
    ------
    InputError
        A column is missing, conditions differ, no level is above 0, or there are controls alone.

    Notes
    -----
    Intervals are those of likelihood-ratio tests, referred to Student's t on the number of people
    less one. Controls and comparisons are taken as independent, though the same people made them:
    the relative interval is conservative.

    Examples
    --------
    >>> rows = invariance.compare(people, model)
    >>> rows[["condition", "observer", "log2_ratio", "log2_ratio_low", "log2_ratio_high"]]
    """
    pairs = ratios.found(people, model, by=by, x=x, curve=curve, proportion=proportion)
    return table(pairs, by=by, coverage=coverage)


def table(
    pairs: Mapping[Names, Ratio], *, by: str = "condition", coverage: float = 0.95
) -> pd.DataFrame:
    """Put `ratios.found` in the table that `compare` returns."""
    made = pd.DataFrame([_row(names, each, by, coverage) for names, each in pairs.items()])
    for what in ("", "relative_"):
        if f"{what}p" in made:
            made[f"{what}p_holm"] = holm(made[f"{what}p"])
    made["reading"] = [_reading(row, 1 - coverage) for row in rows_of(made)]
    return made


def compare_conditions(
    people: pd.DataFrame,
    model: pd.DataFrame,
    *,
    by: str = "condition",
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
    coverage: float = 0.95,
) -> pd.DataFrame:
    """Compare the log₂ ratios of conditions within a model, and of models within a condition.

    Parameters
    ----------
    people, model, by, x, curve, proportion, coverage
        As in `compare`.

    Returns
    -------
    pandas.DataFrame
        A row a pair: ``within`` (what both have in common), ``first``, ``second``,
        ``difference`` of log₂ ratios with ``_low`` and ``_high``, ``p``, ``p_holm`` over all
        rows that have a p. Where there are controls, ratios are those relative to controls.
        Two models in a condition were compared with the same people, who cancel: the difference
        is that of the models' own thresholds (relative to their controls). It has neither limits
        nor p: a model's answers are expectations, and no sample.

    Raises
    ------
    InputError
        As `compare`.
    """
    pairs = ratios.found(people, model, by=by, x=x, curve=curve, proportion=proportion)
    return differences(pairs, coverage=coverage)


def differences(pairs: Mapping[Names, Ratio], *, coverage: float = 0.95) -> pd.DataFrame:
    """Put differences of `ratios.found` in the table that `compare_conditions` returns."""
    rows = []
    for (first, a), (second, b) in combinations(pairs.items(), 2):
        same = [one for one, other in zip(first, second, strict=True) if one == other]
        if not same:
            continue
        parts = [next(o for o in names if o not in same) for names in (first, second)]
        row: dict[str, Any] = {"within": same[0], "first": parts[0], "second": parts[1]}
        compared = _between_conditions if first[1] == second[1] else _between_models
        rows.append(row | compared(a, b, coverage))
    made = pd.DataFrame(rows)
    return made.assign(p_holm=holm(made["p"])) if rows else made


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table, each by the names of its columns."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def holm(p: Sequence[float] | pd.Series) -> np.ndarray:
    """Correct p values for how many there are (Holm 1979); NaN stays NaN and is not counted."""
    corrected = np.asarray(p, dtype=float).copy()
    known = np.isfinite(corrected)
    if known.any():
        corrected[known] = multipletests(corrected[known], method="holm")[1]
    return corrected


# ---- Rows ---------------------------------------------------------------------------------------


def _row(names: Names, each: Ratio, by: str, coverage: float) -> dict[str, Any]:
    row: dict[str, Any] = {by: names[0], "observer": names[1]}
    for who, likelihood in (("people", each.people), ("model", each.model)):
        row |= threshold_row(who, likelihood, each.levels, coverage)
    row |= _estimate("log2_ratio", each.ratio, coverage) | {"p": each.ratio.p_value()}
    if each.control is not None and each.relative is not None:
        for what, likelihood in (("control", each.control.ratio), ("relative", each.relative)):
            row |= _estimate(f"{what}_log2_ratio", likelihood, coverage)
            row[f"{what}_p"] = likelihood.p_value()
    return row


def threshold_row(
    who: str, likelihood: Likelihood, levels: np.ndarray, coverage: float
) -> dict[str, Any]:
    """Threshold in units of x; one outside the tested levels is a bound and no number.

    ``unknown`` where every threshold is possible; ``falling`` or ``not monotone`` where answers do
    not rise with the level (`analysis.statistics.monotonicity`).
    """
    low, high = (2.0**end for end in likelihood.interval(coverage))
    mode = 2.0**likelihood.mode
    state = "above" if mode > levels.max() else "below" if mode < levels.min() else "measured"
    if likelihood.shape in NO_CURVE:
        state = likelihood.shape
    elif low == 0 and np.isinf(high):
        state = "unknown"
    return {
        f"{who}_threshold": mode if state == "measured" else np.nan,
        f"{who}_threshold_low": low,
        f"{who}_threshold_high": high,
        f"{who}_measurable": state,
    }


def _estimate(name: str, likelihood: Likelihood, coverage: float) -> dict[str, float]:
    low, high = likelihood.interval(coverage)
    known = np.isfinite(low) and np.isfinite(high)
    return {name: likelihood.mode if known else np.nan, f"{name}_low": low, f"{name}_high": high}


def _between_conditions(a: Ratio, b: Ratio, coverage: float) -> dict[str, float]:
    """Difference of a model's ratios in two conditions."""
    made = threshold_likelihood.difference(a.relative or a.ratio, b.relative or b.ratio)
    return _estimate("difference", made, coverage) | {"p": made.p_value()}


def _between_models(a: Ratio, b: Ratio, coverage: float) -> dict[str, float]:
    """Difference of two models' thresholds in a condition, NaN where only a bound is known."""
    made = threshold_likelihood.difference(a.model_alone, b.model_alone)
    known = _estimate("difference", made, coverage)["difference"]
    return {"difference": known} | dict.fromkeys(("difference_low", "difference_high", "p"), np.nan)


def _reading(row: dict[str, Any], alpha: float) -> str:
    """Say in words what a row shows; without a difference shown, that is all that it says."""
    low, high = row["log2_ratio_low"], row["log2_ratio_high"]
    for who, whose in (("people", "people's"), ("model", "the model's")):
        if (state := row[f"{who}_measurable"]) in NO_CURVE:
            return f"no ratio: {whose} answers {NO_CURVE[state]}"
    if np.isinf(low) and np.isinf(high):
        unknown = [who for who in ("people", "model") if row[f"{who}_measurable"] == "unknown"]
        if len(unknown) == 1:
            return f"no ratio: the threshold of {unknown[0]} is unknown"
        return "neither threshold could be measured"
    beside = _beside_controls(row, alpha)
    if row["p_holm"] >= alpha:
        why = "" if row["p"] >= alpha else " once corrected for the number of comparisons"
        return f"no difference shown{why}{beside}"
    who = "the model ignores what people see" if low > 0 else "people ignore what the model sees"
    return f"{who}{beside}"


def _beside_controls(row: dict[str, Any], alpha: float) -> str:
    """Compare with random changes of the same size, where there were any."""
    p = row.get("relative_p_holm", np.nan)
    low, high = (row.get(f"relative_log2_ratio_{end}", np.nan) for end in ("low", "high"))
    if np.isnan(p) or (np.isinf(low) and np.isinf(high)):
        return ""
    if p >= alpha:
        return "; random changes (controls) are not shown to have another ratio"
    more = "more" if low > 0 else "less"
    return f"; the model ignores {more} than of random changes (controls)"

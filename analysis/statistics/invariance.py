"""Compare thresholds of models and people: log₂(model threshold ÷ human threshold).

Above 0, people see the change at smaller distances than the model does: the model is more
invariant. Thresholds outside the tested levels enter through their likelihood
(`analysis.statistics.threshold_likelihood`) and give open intervals.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import threshold_likelihood
from analysis.statistics.multiple_tests import holm
from analysis.statistics.threshold_likelihood import Likelihood
from analysis.statistics.threshold_ratios import Names, ThresholdRatio, find_ratios
from analysis.trials.frame import table_rows

# Shape of answers that allow no psychometric function → in words.
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
    """Compare thresholds of models with those of people in each condition.

    Parameters
    ----------
    people
        Trials of people (`analysis.trials.load.from_table`).
    model
        Trials of one or several models (column `observer`): real answers, or expected numbers of
        correct ones (`analysis.statistics.model_observers.predict`).
    by
        Column of conditions, such as ``condition`` or ``attribute``.
    x, curve, proportion
        Axis, curve (on log x) and proportion at threshold, as in
        `analysis.statistics.psychometric.fit`.
    coverage
        Coverage of all intervals.

    Returns
    -------
    pandas.DataFrame
        A row for each condition and model: ``people_threshold`` and ``model_threshold`` in units
        of x with ``_low`` and ``_high``, NaN where not measurable; ``people_measurable`` and
        ``model_measurable`` (``measured``, ``above`` or ``below`` the tested levels, ``unknown``
        if every threshold is possible, ``falling`` or ``not monotone`` if answers do not rise with
        the level); ``log2_ratio`` with ``_low`` and ``_high`` (NaN where only a bound is known,
        the open end infinite); ``p`` of equal thresholds, ``p_holm`` over all rows. If both frames
        have ``control`` rows (column `role`), the same for these as ``control_log2_ratio`` …, and
        ``relative_log2_ratio`` … = ratio on all other rows minus that on controls, with
        ``relative_p_holm``. ``reading`` says in words what holds after Holm's correction, at the
        level 1 − `coverage`.

    Raises
    ------
    InputError
        A column is missing, conditions differ, no level is above 0, or there are only controls.

    Notes
    -----
    Intervals are those of likelihood-ratio tests, referred to Student's t with the number of people
    less one as degrees of freedom. Controls and comparisons are treated as independent, though they
    are of the same people: the relative interval is conservative.

    Examples
    --------
    >>> rows = invariance.compare(people, model)
    >>> rows[["condition", "observer", "log2_ratio", "log2_ratio_low", "log2_ratio_high"]]
    """
    pairs = find_ratios(people, model, by=by, x=x, curve=curve, proportion=proportion)
    return table(pairs, by=by, coverage=coverage)


def table(
    pairs: Mapping[Names, ThresholdRatio], *, by: str = "condition", coverage: float = 0.95
) -> pd.DataFrame:
    """Return the table of `compare` from the result of `find_ratios`."""
    rows = pd.DataFrame([_row(names, each, by, coverage) for names, each in pairs.items()])
    for what in ("", "relative_"):
        if f"{what}p" in rows:
            rows[f"{what}p_holm"] = holm(rows[f"{what}p"])
    rows["reading"] = [_reading(row, 1 - coverage) for row in table_rows(rows)]
    return rows


def differences(pairs: Mapping[Names, ThresholdRatio], *, coverage: float = 0.95) -> pd.DataFrame:
    """Return differences of log₂ ratios: between conditions of a model, and between models.

    Ratios are relative to controls where there are any. Two models in a condition share the same
    people, who cancel: their difference is that of the models' thresholds, without limits or p, as
    answers of models are expectations, not a sample. `p_holm` corrects for all rows that have a p.
    """
    rows = []
    for (first, a), (second, b) in combinations(pairs.items(), 2):
        same = [one for one, other in zip(first, second, strict=True) if one == other]
        if not same:
            continue
        parts = [next(o for o in names if o not in same) for names in (first, second)]
        row: dict[str, Any] = {"within": same[0], "first": parts[0], "second": parts[1]}
        compared = _between_conditions if first[1] == second[1] else _between_models
        rows.append(row | compared(a, b, coverage))
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p"])) if rows else table


def _row(names: Names, each: ThresholdRatio, by: str, coverage: float) -> dict[str, Any]:
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
    """Return a threshold in units of x, or NaN, and whether or why not it is measurable."""
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


def _between_conditions(a: ThresholdRatio, b: ThresholdRatio, coverage: float) -> dict[str, float]:
    """Return the difference of a model's ratios in two conditions."""
    found = threshold_likelihood.difference(a.relative or a.ratio, b.relative or b.ratio)
    return _estimate("difference", found, coverage) | {"p": found.p_value()}


def _between_models(a: ThresholdRatio, b: ThresholdRatio, coverage: float) -> dict[str, float]:
    """Return the difference of two models' thresholds; NaN where only a bound is known."""
    found = threshold_likelihood.difference(a.model_relative, b.model_relative)
    known = _estimate("difference", found, coverage)["difference"]
    return {"difference": known} | dict.fromkeys(("difference_low", "difference_high", "p"), np.nan)


def _reading(row: dict[str, Any], alpha: float) -> str:
    """Return the conclusion from a row of the table, in words."""
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
    """Return the comparison with controls (random changes of the same size) in words, if any."""
    p = row.get("relative_p_holm", np.nan)
    low, high = (row.get(f"relative_log2_ratio_{end}", np.nan) for end in ("low", "high"))
    if np.isnan(p) or (np.isinf(low) and np.isinf(high)):
        return ""
    if p >= alpha:
        return "; random changes (controls) are not shown to have another ratio"
    more = "more" if low > 0 else "less"
    return f"; compared with random changes (controls), the model ignores {more}"

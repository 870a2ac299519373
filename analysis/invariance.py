"""People against models in the same units: log₂(model threshold ÷ human threshold).

Above 0: people see the change at smaller distances than the model does, so the model is the more
invariant. Thresholds beyond the tested levels enter through their likelihood
(`analysis.threshold_likelihood`), and give open intervals.
"""

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from analysis import threshold_likelihood
from analysis.threshold_likelihood import Likelihood
from analysis.trials import checked, is_control
from scenes.errors import InputError


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
        Trials of people (`analysis.load.from_table`).
    model
        Trials of one or several models, told apart by `observer`: real answers, or expected
        numbers of right ones (`analysis.model_observers.predict`).
    by
        Column that tells the conditions apart, such as ``condition`` or ``attribute``.
    x, curve, proportion
        Axis, curve (on log x) and proportion at threshold, as in `analysis.psychometric.fit`.
    coverage
        Of all intervals.

    Returns
    -------
    pandas.DataFrame
        A row a condition and model: ``people_threshold`` and ``model_threshold`` in units of x
        with ``_low`` and ``_high``, NaN where not measurable, ``people_measurable`` and
        ``model_measurable`` (``measured``, ``above`` or ``below`` the tested levels);
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
    ratios = _ratios(people, model, by, x, curve, proportion)
    rows = [_row(names, each, by, coverage) for names, each in ratios.items()]
    table = pd.DataFrame(rows)
    for what in ("", "relative_"):
        if f"{what}p" in table:
            table[f"{what}p_holm"] = holm(table[f"{what}p"])
    table["reading"] = [_reading(row, 1 - coverage) for row in rows_of(table)]
    return table


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
    ratios = _ratios(people, model, by, x, curve, proportion)
    rows = []
    for (first, a), (second, b) in combinations(ratios.items(), 2):
        same = [one for one, other in zip(first, second, strict=True) if one == other]
        if not same:
            continue
        parts = [next(o for o in names if o not in same) for names in (first, second)]
        row: dict[str, Any] = {"within": same[0], "first": parts[0], "second": parts[1]}
        compared = _between_conditions if first[1] == second[1] else _between_models
        rows.append(row | compared(a, b, coverage))
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p"])) if rows else table


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


# ---- Likelihoods of all cells -------------------------------------------------------------------

Names = tuple[str, str]


def _ratios(
    people: pd.DataFrame,
    model: pd.DataFrame,
    by: str,
    x: str,
    curve: str,
    proportion: float | None,
) -> dict[Names, dict[str, Any]]:
    """Per condition and model: likelihoods of people, model, ratio, and those of controls.

    With controls, ``relative`` is the ratio less that on controls, and ``model_relative`` the
    model's threshold less its own on controls.
    """
    for frame in (people, model):
        checked(frame, ("observer", "correct", "n", "task", by, x))
    options = {"x": x, "curve": curve, "proportion": proportion}
    found: dict[Names, dict[str, Any]] = {}
    for condition, theirs in _without_controls(people).groupby(by, sort=True):
        others = _without_controls(model)
        others = others[others[by] == condition]
        if others.empty:
            raise InputError(f"{by} '{condition}': the model has no trials there; people have")
        control = people[(people[by] == condition) & is_control(people)]
        for name, its in others.groupby("observer", sort=True):
            each = _cell(theirs, its, options)
            its_control = model[
                (model[by] == condition) & (model["observer"] == name) & is_control(model)
            ]
            if len(control) and len(its_control):
                beside = _cell(control, its_control, options)
                each["control"] = beside["ratio"]
                for what, of in (("relative", "ratio"), ("model_relative", "model")):
                    each[what] = threshold_likelihood.difference(each[of], beside[of])
            found[str(condition), str(name)] = each
    if not found:
        raise InputError(
            "no trials other than controls; add result to experiment.comparisons to compare "
            "people and models"
        )
    return found


def _cell(theirs: pd.DataFrame, its: pd.DataFrame, options: dict[str, Any]) -> dict[str, Any]:
    x = options["x"]
    levels = np.concatenate([theirs[x].to_numpy(float), its[x].to_numpy(float)])
    if not (levels > 0).any():
        raise InputError(f"no level above 0 in column '{x}'; a threshold cannot be found")
    grid = threshold_likelihood.grid_for(levels[levels > 0])
    people = threshold_likelihood.group(
        [
            threshold_likelihood.observer(one, grid, **options)
            for _, one in theirs.groupby("observer", sort=True)
        ]
    )
    model = threshold_likelihood.observer(its, grid, **options)
    ratio = threshold_likelihood.difference(model, people)
    return {"people": people, "model": model, "ratio": ratio, "levels": levels[levels > 0]}


def _without_controls(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~is_control(frame)]


# ---- Rows ---------------------------------------------------------------------------------------


def _row(names: Names, each: dict[str, Any], by: str, coverage: float) -> dict[str, Any]:
    row: dict[str, Any] = {by: names[0], "observer": names[1]}
    for who in ("people", "model"):
        row |= _threshold(who, each[who], each["levels"], coverage)
    row |= _estimate("log2_ratio", each["ratio"], coverage) | {"p": each["ratio"].p_value()}
    for what in ("control", "relative"):
        if what in each:
            row |= _estimate(f"{what}_log2_ratio", each[what], coverage)
            row[f"{what}_p"] = each[what].p_value()
    return row


def _threshold(
    who: str, likelihood: Likelihood, levels: np.ndarray, coverage: float
) -> dict[str, Any]:
    """Threshold in units of x; one outside the tested levels is a bound and no number."""
    low, high = (2.0**end for end in likelihood.interval(coverage))
    mode = 2.0**likelihood.mode
    state = "above" if mode > levels.max() else "below" if mode < levels.min() else "measured"
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


def _between_conditions(a: dict[str, Any], b: dict[str, Any], coverage: float) -> dict[str, float]:
    """Difference of a model's ratios in two conditions."""
    first, second = (each.get("relative", each["ratio"]) for each in (a, b))
    made = threshold_likelihood.difference(first, second)
    return _estimate("difference", made, coverage) | {"p": made.p_value()}


def _between_models(a: dict[str, Any], b: dict[str, Any], coverage: float) -> dict[str, float]:
    """Difference of two models' thresholds in a condition, NaN where only a bound is known."""
    first, second = (each.get("model_relative", each["model"]) for each in (a, b))
    made = threshold_likelihood.difference(first, second)
    known = _estimate("difference", made, coverage)["difference"]
    return {"difference": known} | dict.fromkeys(("difference_low", "difference_high", "p"), np.nan)


def _reading(row: dict[str, Any], alpha: float) -> str:
    """Say in words what a row shows; without a difference shown, that is all that it says."""
    low, high = row["log2_ratio_low"], row["log2_ratio_high"]
    if np.isinf(low) and np.isinf(high):
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

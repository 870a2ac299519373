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
from analysis.trials import checked
from scenes.errors import InputError

CONTROL = "control"


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
        infinite); ``p`` of equal thresholds, ``p_holm`` over all rows; ``reading``. Where both
        frames have a column `role` with ``control`` rows, the same on these as
        ``control_log2_ratio`` …, and ``relative_log2_ratio`` … = ratio on all other rows less
        that on controls.

    Raises
    ------
    InputError
        A column is missing, conditions differ, or no level is above 0.

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
    table["p_holm"] = holm(table["p"])
    table["reading"] = [_reading(row) for row in rows_of(table)]
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
        rows. Where there are controls, ratios are those relative to controls.
    """
    ratios = _ratios(people, model, by, x, curve, proportion)
    used = {names: each.get("relative", each["ratio"]) for names, each in ratios.items()}
    rows = []
    for (first, a), (second, b) in combinations(used.items(), 2):
        same = [one for one, other in zip(first, second, strict=True) if one == other]
        if not same:
            continue
        parts = [next(o for o in names if o not in same) for names in (first, second)]
        row: dict[str, Any] = {"within": same[0], "first": parts[0], "second": parts[1]}
        made = threshold_likelihood.difference(a, b)
        if first[1] == second[1]:  # one model, two conditions
            row |= _estimate("difference", made, coverage)
        else:  # the same people stand in both ratios of a condition, and cancel
            models = [ratios[names]["model"] for names in (first, second)]
            made = threshold_likelihood.difference(*models)
            row |= _estimate("difference", made, coverage)
        rows.append(row | {"p": made.p_value()})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p"])) if rows else table


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows of a table, each by the names of its columns."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def holm(p: Sequence[float] | pd.Series) -> np.ndarray:
    """Correct p values for how many there are (Holm 1979)."""
    return np.asarray(multipletests(np.asarray(p, dtype=float), method="holm")[1])


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
    """Per condition and model: likelihoods of people, model, ratio, and those of controls."""
    for frame in (people, model):
        checked(frame, ("observer", "correct", "n", "task", by, x))
    options = {"x": x, "curve": curve, "proportion": proportion}
    with_controls = _has_controls(people) and _has_controls(model)
    found: dict[Names, dict[str, Any]] = {}
    for condition, theirs in _without_controls(people).groupby(by, sort=True):
        others = _without_controls(model)
        others = others[others[by] == condition]
        if others.empty:
            raise InputError(f"{by} '{condition}': the model has no trials there; people have")
        control = people[(people[by] == condition) & _is_control(people)]
        for name, its in others.groupby("observer", sort=True):
            each = _cell(theirs, its, options)
            its_control = model[
                (model[by] == condition) & (model["observer"] == name) & _is_control(model)
            ]
            if with_controls and len(control) and len(its_control):
                each["control"] = _cell(control, its_control, options)["ratio"]
                each["relative"] = threshold_likelihood.difference(each["ratio"], each["control"])
            found[str(condition), str(name)] = each
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


def _is_control(frame: pd.DataFrame) -> np.ndarray:
    if "role" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return (frame["role"] == CONTROL).to_numpy()


def _has_controls(frame: pd.DataFrame) -> bool:
    return bool(_is_control(frame).any())


def _without_controls(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[~_is_control(frame)]


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


def _reading(row: dict[str, Any]) -> str:
    """Say in words what a row shows; without a difference shown, that is all that it says."""
    low, high = row["log2_ratio_low"], row["log2_ratio_high"]
    if np.isinf(low) and np.isinf(high):
        return "neither threshold could be measured"
    if low <= 0 <= high:
        return f"no difference shown{_beside_controls(row)}"
    who = "the model ignores what people see" if low > 0 else "people ignore what the model sees"
    return f"{who}{_beside_controls(row)}"


def _beside_controls(row: dict[str, Any]) -> str:
    """Compare with random changes of the same size, where there were any."""
    low = row.get("relative_log2_ratio_low", np.nan)
    high = row.get("relative_log2_ratio_high", np.nan)
    if np.isnan(low) or np.isnan(high):
        return ""
    if low <= 0 <= high:
        return "; random changes (controls) show no other ratio"
    more = "more" if low > 0 else "less"
    return f"; the model ignores {more} than of random changes (controls)"

"""Likelihoods of log₂ thresholds of people and models, side by side, in every condition."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import threshold_likelihood
from analysis.statistics.threshold_likelihood import Likelihood
from analysis.trials.frame import checked, is_control
from scenes.base.errors import InputError

Names = tuple[str, str]  # condition, model


@dataclass(frozen=True)
class Ratio:
    """Likelihoods of log₂ thresholds in one condition, of people and one model.

    Parameters
    ----------
    people, model
        Of their thresholds.
    levels
        Tested levels above 0.
    control
        The same on controls, where there were any.
    """

    people: Likelihood
    model: Likelihood
    levels: np.ndarray
    control: "Ratio | None" = None

    @cached_property
    def ratio(self) -> Likelihood:
        """Of log₂(model threshold ÷ people's)."""
        return threshold_likelihood.difference(self.model, self.people)

    @cached_property
    def relative(self) -> Likelihood | None:
        """Of the ratio less that on controls."""
        if self.control is None:
            return None
        return threshold_likelihood.difference(self.ratio, self.control.ratio)

    @cached_property
    def model_alone(self) -> Likelihood:
        """Of the model's threshold, less its own on controls where there were any."""
        if self.control is None:
            return self.model
        return threshold_likelihood.difference(self.model, self.control.model)


def found(
    people: pd.DataFrame,
    model: pd.DataFrame,
    *,
    by: str = "condition",
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
) -> dict[Names, Ratio]:
    """Find the likelihoods that `invariance.compare` and `compare_conditions` tell of.

    Parameters
    ----------
    people, model, by, x, curve, proportion
        As in `analysis.statistics.invariance.compare`.

    Returns
    -------
    dict
        By condition and model.

    Raises
    ------
    InputError
        As `analysis.statistics.invariance.compare`.
    """
    for frame in (people, model):
        checked(frame, ("observer", "correct", "n", "task", by, x))
    options = {"x": x, "curve": curve, "proportion": proportion}
    pairs: dict[Names, Ratio] = {}
    for condition, theirs in people.groupby(by, sort=True):
        others = model[model[by] == condition]
        control, other_control = theirs[is_control(theirs)], others[is_control(others)]
        shown, others = theirs[~is_control(theirs)], others[~is_control(others)]
        if shown.empty:
            continue
        if others.empty:
            raise InputError(f"{by} '{condition}': the model has no trials there; people have")
        beside = {}
        if len(control) and len(other_control):
            beside = _in_condition(control, other_control, options)
        for name, each in _in_condition(shown, others, options).items():
            pairs[str(condition), name] = replace(each, control=beside.get(name))
    if not pairs:
        raise InputError(
            "no trials other than controls; add result to experiment.comparisons to compare "
            "people and models"
        )
    return pairs


def _in_condition(
    theirs: pd.DataFrame, others: pd.DataFrame, options: dict[str, Any]
) -> dict[str, Ratio]:
    """People against every model, on the same kind of trials of one condition."""
    x = options["x"]
    levels = np.concatenate([theirs[x].to_numpy(float), others[x].to_numpy(float)])
    levels = levels[levels > 0]
    if not len(levels):
        raise InputError(f"no level above 0 in column '{x}'; a threshold cannot be found")
    grid = threshold_likelihood.grid_for(levels)
    each = [one for _, one in theirs.groupby("observer", sort=True)]
    people = threshold_likelihood.group(each, grid, **options)
    return {
        str(name): Ratio(people, threshold_likelihood.observer(its, grid, **options), levels)
        for name, its in others.groupby("observer", sort=True)
    }

"""Likelihoods of log₂ thresholds of people and models in every condition."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from analysis.statistics import threshold_likelihood
from analysis.statistics.threshold_likelihood import Likelihood
from analysis.trials.frame import check_trials, is_control
from scenes.base.errors import InputError

Names = tuple[str, str]  # condition, model


@dataclass(frozen=True)
class ThresholdRatio:
    """Likelihoods of log₂ thresholds of people and one model in one condition."""

    people: Likelihood
    model: Likelihood
    levels: np.ndarray  # tested, above 0
    control: "ThresholdRatio | None" = None  # the same from trials on controls, if any

    @cached_property
    def ratio(self) -> Likelihood:
        """Return the likelihood of log₂(model threshold ÷ people's)."""
        return threshold_likelihood.difference(self.model, self.people)

    @cached_property
    def relative(self) -> Likelihood | None:
        """Return the likelihood of the ratio minus that on controls."""
        if self.control is None:
            return None
        return threshold_likelihood.difference(self.ratio, self.control.ratio)

    @cached_property
    def model_relative(self) -> Likelihood:
        """Return the likelihood of the model's threshold, minus that on controls if any."""
        if self.control is None:
            return self.model
        return threshold_likelihood.difference(self.model, self.control.model)


def find_ratios(
    people: pd.DataFrame,
    model: pd.DataFrame,
    *,
    by: str = "condition",
    x: str = "level",
    curve: str = "weibull",
    proportion: float | None = None,
) -> dict[Names, ThresholdRatio]:
    """Return the ratio of every condition and model; arguments as in `invariance.compare`."""
    for frame in (people, model):
        check_trials(frame, ("observer", "correct", "n", "task", by, x))
    options = {"x": x, "curve": curve, "proportion": proportion}
    pairs: dict[Names, ThresholdRatio] = {}
    for condition, human in people.groupby(by, sort=True):
        predicted = model[model[by] == condition]
        control, predicted_control = human[is_control(human)], predicted[is_control(predicted)]
        human, predicted = human[~is_control(human)], predicted[~is_control(predicted)]
        if human.empty:
            continue
        if predicted.empty:
            raise InputError(f"{by} '{condition}': the model has no trials of it, but people have")
        on_controls = {}
        if len(control) and len(predicted_control):
            on_controls = _in_condition(control, predicted_control, options)
        for name, each in _in_condition(human, predicted, options).items():
            pairs[str(condition), name] = replace(each, control=on_controls.get(name))
    if not pairs:
        raise InputError(
            "no trials other than controls; add result to experiment.comparisons to compare "
            "people and models"
        )
    return pairs


def _in_condition(
    human: pd.DataFrame, predicted: pd.DataFrame, options: dict[str, Any]
) -> dict[str, ThresholdRatio]:
    """Return the ratio of each model to people in one condition, either on controls or not."""
    x = options["x"]
    levels = np.concatenate([human[x].to_numpy(float), predicted[x].to_numpy(float)])
    levels = levels[levels > 0]
    if not len(levels):
        raise InputError(f"no level above 0 in column '{x}'; a threshold cannot be found")
    grid = threshold_likelihood.grid_for(levels)
    each = [trials for _, trials in human.groupby("observer", sort=True)]
    people = threshold_likelihood.group(each, grid, **options)
    return {
        str(name): ThresholdRatio(
            people, threshold_likelihood.group([trials], grid, **options), levels
        )
        for name, trials in predicted.groupby("observer", sort=True)
    }

"""The whole analysis of a study, from trials to tables. It reads and writes no files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from analysis.config import AnalysisConfig
from analysis.statistics import (
    consistency,
    equivalence,
    hierarchical,
    invariance,
    level_zero,
    mixed_models,
    model_observers,
    psychometric,
    sensitivity,
)
from analysis.statistics.psychometric import CellFit
from analysis.statistics.threshold_ratios import find_ratios
from analysis.trials import cells, completeness, exclusions
from analysis.trials.frame import curve_names, is_control, rate_name, single_value
from analysis.trials.load import check_units
from scenes.base.errors import InputError

Note = Callable[[str], None]


@dataclass
class Results:
    """Results of an analysis.

    Parameters
    ----------
    tables
        Name → table, in the order of the report. An analysis that is not possible with these data
        has no table, but an entry in `left_out`.
    left_out
        Name of an analysis → why it was not possible.
    trials
        Analysed trials; `x` is the stimulus axis.
    predicted
        The same trials with the answers that models are expected to give; empty without models.
    fits
        Fits of the psychometric functions, from which curves are drawn.
    axis
        Name of the axis `x`.
    """

    tables: dict[str, pd.DataFrame]
    left_out: dict[str, str]
    trials: pd.DataFrame
    predicted: pd.DataFrame
    fits: list[CellFit] = field(repr=False)
    axis: str


def analyse(
    trials: pd.DataFrame,
    layers: Mapping[tuple[str, str], model_observers.Distances],
    config: AnalysisConfig,
    *,
    workers: int = 1,
    seed: int = 0,
    note: Note = lambda _: None,
    source: str = "trials",
) -> Results:
    """Analyse a study.

    Parameters
    ----------
    trials
        All phases of all sessions (`analysis.trials.sessions.load`).
    layers
        By model and layer: distances of every family.
    config
        The analysis section of the study.
    workers
        Number of processes for psychometric functions.
    seed
        Seed of bootstraps and posterior samples.
    note
        Called with the name of each step.
    source
        Name of the trials in messages: the folder of the data.

    Raises
    ------
    InputError
        No trial remains after exclusions, a participant has no trials left of a condition or of
        its controls, the physical distances of a condition have several units, or a curve is not
        possible on its axis.
    """
    kept, catch, excluded = exclusions.apply(trials, config.exclude)
    completeness.check_complete(kept, source)
    if config.x == "physical_distance":
        check_units(kept, source)
    tables: dict[str, pd.DataFrame] = {"exclusions": excluded, "catch_trials": catch}
    left_out: dict[str, str] = {}
    if len(missing := completeness.list_gaps(kept)):
        tables["gaps"] = missing

    def attempt(name: str, compute: Callable[[], pd.DataFrame]) -> None:
        """Add a table, or why it is not possible with these data."""
        note(name.replace("_", " "))
        try:
            tables[name] = compute()
        except InputError as error:
            left_out[name] = str(error)

    predicted = pd.DataFrame()
    if layers:
        note("models as observers")
        try:
            predicted, tables["model_decisions"] = model_observers.predict(kept, layers)
        except InputError as error:
            left_out["models"] = str(error)
    kept, predicted = _with_axis(kept, predicted, layers, config)

    attempt("level_zero", lambda: level_zero.level_zero(kept))
    note("psychometric functions")
    named = kept.assign(condition=curve_names(kept))
    fits, tables["psychometric"] = _fits(named, config, workers, seed)
    if reason := _not_fitted(tables["psychometric"]):
        left_out["psychometric"] = reason
    attempt("sensitivity", lambda: sensitivity.table(named, seed=seed))
    attempt("group", lambda: _group(named))
    names = predicted.assign(condition=curve_names(predicted)) if len(predicted) else predicted
    drawn = {"draws": config.draws, "seed": seed}
    attempt("agreement", lambda: consistency.within_levels(named, names, **drawn))
    if "agreement" in tables:
        pairs = tables["agreement"]
        attempt("overall", lambda: consistency.overall(pairs, draws=config.draws, seed=seed))
    attempt("equivalence", lambda: _equivalence(kept, catch, config))
    if len(predicted):
        options: dict[str, Any] = {"x": "x", "curve": config.curve, "proportion": config.proportion}
        try:
            likelihoods = find_ratios(kept, predicted, **options)
        except InputError as error:
            left_out["invariance"] = str(error)
        else:
            attempt("invariance", lambda: invariance.table(likelihoods))
            attempt("differences", lambda: invariance.differences(likelihoods))
        attempt("cross_table", lambda: model_observers.cross_table(kept, predicted))
        attempt("prediction", lambda: model_observers.prediction_quality(kept, predicted))
    if config.bayes:
        attempt(
            "hierarchical",
            lambda: hierarchical.fit(named, x="x", curve=config.curve, seed=seed),
        )
    axis = config.x.replace("_", " ")
    return Results(tables, left_out, kept, predicted, fits, axis)


def _fits(
    named: pd.DataFrame, config: AnalysisConfig, workers: int, seed: int
) -> tuple[list[CellFit], pd.DataFrame]:
    """Fit every participant and condition; those with too few levels have a row but no fit."""
    few = cells.too_few_levels(named, x="x", curve=config.curve)
    keys = ["observer", "condition"]
    thin = pd.MultiIndex.from_frame(named[keys]).isin(pd.MultiIndex.from_frame(few[keys]))
    enough = named[~thin]
    fits = []
    if len(enough):
        fits = psychometric.fit_cells(
            enough,
            x="x",
            curve=config.curve,
            proportion=config.proportion,
            overdispersion=config.overdispersion,
            workers=workers,
            seed=seed,
        )
    rows = [table for table in (psychometric.table(fits), few) if len(table)]
    return fits, pd.concat(rows, ignore_index=True).sort_values(keys, ignore_index=True)


def _not_fitted(table: pd.DataFrame) -> str:
    """Return a message on rows of the psychometric table without a fit; empty if there are none."""
    missing = table[table["measurable"] == cells.NOT_FITTED]
    named = [f"{row['observer']} in {row['condition']}" for _, row in missing.iterrows()]
    if not named:
        return ""
    return f"fewer than 2 levels above 0, and so no curve: {'; '.join(named)}"


def _group(named: pd.DataFrame) -> pd.DataFrame:
    """Return the mixed model of every condition and level, on trials that showed a difference."""
    fits = mixed_models.fit(named[~named["same"]], by=("condition", "level"))
    rate = rate_name(single_value(named, "task"))
    return fits.rename(columns=lambda name: str(name).replace("proportion", rate))


def _with_axis(
    kept: pd.DataFrame,
    predicted: pd.DataFrame,
    layers: Mapping[tuple[str, str], model_observers.Distances],
    config: AnalysisConfig,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Add the stimulus axis `x` to both frames; level 0 is at 0 on every axis.

    The distance of a model between a target and its re-render is noise.
    """
    x = _model_distances(kept, layers) if config.x == "model_distance" else kept[config.x]
    x = x.where(kept["level"] > 0, 0.0)
    if len(predicted):  # has all trials once per model, in the same order
        predicted = predicted.assign(x=np.tile(x, len(predicted) // len(kept)))
    return kept.assign(x=x), predicted


def _model_distances(
    kept: pd.DataFrame, layers: Mapping[tuple[str, str], model_observers.Distances]
) -> pd.Series:
    """Return each trial's distance in the model that was searched for it, averaged over layers."""
    right = model_observers.right_choices(kept)
    x = pd.Series(float("nan"), index=kept.index)
    for model, trials in kept.groupby("model", sort=True):
        own_layers = [distances for (name, _), distances in layers.items() if name == model]
        if not own_layers:
            raise InputError(
                f"analysis.x: model_distance: the set holds no distances of '{model}'; mrd embed "
                "makes them, or use physical_distance"
            )
        place = kept.index.get_indexer(trials.index)
        found = [
            model_observers.distances_from_target(
                trials, model_observers.pair_distances(trials, distances), right[place]
            )
            for distances in own_layers
        ]
        x.loc[trials.index] = sum(found) / len(found)
    return x


def _equivalence(kept: pd.DataFrame, catch: pd.DataFrame, config: AnalysisConfig) -> pd.DataFrame:
    """Test whether people cannot tell results from targets, separately for metamers."""
    at_result = kept[kept["at_result"] & ~kept["same"]]
    if at_result[~is_control(at_result)].empty:
        raise InputError("no trial shows the result of a search")
    passed = catch["proportion"] >= equivalence.CATCH_PASSED
    return equivalence.equivalence(
        at_result.assign(condition=at_result["condition"] + ", " + at_result["verdict"] + "s"),
        margin=config.margin,
        decision_model=config.decision_model,
        prior_scale=config.prior_scale,
        catch_passed=bool(passed.all()) if len(catch) else None,
    )

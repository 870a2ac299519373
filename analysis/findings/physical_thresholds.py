"""Thresholds of people in physical distance, beside what was found without asking people.

Reaches and predicted thresholds are physical distances, whatever axis the rest of an analysis has.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.config import AnalysisConfig
from analysis.statistics import threshold_likelihood
from analysis.statistics.invariance import threshold_row
from analysis.trials.frame import CONTROL, is_same

SERIES = "result"  # in column `role`: trials of the series that a model's search led to
ROLES = {SERIES: "people", CONTROL: "people_control"}


def of_people(trials: pd.DataFrame, by: Sequence[str], config: AnalysisConfig) -> pd.DataFrame:
    """Find the group's thresholds in physical distance.

    Parameters
    ----------
    trials
        What was analysed (`analysis.trials.sessions.load`).
    by
        Columns whose values tell apart what has a threshold of its own.
    config
        Curve and proportion at threshold.

    Returns
    -------
    pandas.DataFrame
        A row for all values of `by`, which index it: ``people_threshold`` with ``_low`` and
        ``_high`` (95 %), NaN where it lies outside the tested distances, and
        ``people_measurable`` (``measured``, ``above`` or ``below`` them, ``unknown``, ``falling``
        or ``not monotone``); the same of controls as
        ``people_control_threshold`` ….

    Raises
    ------
    InputError
        The curve does not stand on log x.
    """
    far = np.where(is_same(trials) | (trials["level"] == 0), 0.0, trials["physical_distance"])
    rows = []
    for names, cell in trials.assign(far=far).groupby(list(by), sort=True):
        row: dict[str, object] = dict(zip(by, names, strict=True))
        for role, who in ROLES.items():
            its = cell[cell["role"] == role]
            levels = its.loc[its["far"] > 0, "far"].to_numpy(dtype=float)
            if not len(levels):
                continue
            grid = threshold_likelihood.grid_for(levels)
            each = [one for _, one in its.groupby("observer", sort=True)]
            found = threshold_likelihood.group(
                each, grid, x="far", curve=config.curve, proportion=config.proportion
            )
            row |= threshold_row(who, found, levels, 0.95)
        rows.append(row)
    return pd.DataFrame(rows).set_index(list(by))


def joined(table: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Put people's thresholds beside every row of a table; what was not shown has none.

    Parameters
    ----------
    table
        With the columns that `thresholds` is indexed by.
    thresholds
        From `of_people`; may be empty.

    Returns
    -------
    pandas.DataFrame
        `table` with the columns of `of_people`; ``people_measurable`` is ``not asked`` where people
        were shown no such series, and likewise of controls.
    """
    made = table.copy()
    for who in ROLES.values():
        for end in ("", "_low", "_high"):
            made[f"{who}_threshold{end}"] = np.nan
        made[f"{who}_measurable"] = "not asked"
    if thresholds.empty:
        return made
    keys = thresholds.index.names
    place = thresholds.index.get_indexer(
        pd.MultiIndex.from_frame(table[keys]) if len(keys) > 1 else pd.Index(table[keys[0]])
    )
    for column in thresholds:
        values = thresholds[column].to_numpy()[place]
        made[column] = np.where((place >= 0) & pd.notna(values), values, made[column])
        if not str(column).endswith("measurable"):
            made[column] = made[column].astype(float)
    return made

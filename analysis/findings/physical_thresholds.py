"""People's thresholds in physical distance, for comparison with reaches and predicted thresholds.

A reach is the distance of the farthest metamer (`reaches`). Reaches and predicted thresholds are
physical distances, whatever the axis of the analysis is.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from analysis.config import AnalysisConfig
from analysis.statistics import threshold_likelihood
from analysis.statistics.invariance import threshold_row
from analysis.trials.frame import CONTROL, is_same

NOT_ASKED = "not asked"  # people were not shown such a series
SERIES = "result"  # in column `role`: trials of the series of a model's search
ROLES = {SERIES: "people", CONTROL: "people_control"}


def group_thresholds(
    trials: pd.DataFrame, by: Sequence[str], config: AnalysisConfig
) -> pd.DataFrame:
    """Return the group's thresholds in physical distance: a row for each value of `by`, the index.

    ``people_threshold``, with the 95 % limits ``_low`` and ``_high``, is NaN if it is outside the
    tested distances; ``people_measurable`` has the reason. ``people_control_threshold`` … are the
    same on controls.
    """
    far = np.where(is_same(trials) | (trials["level"] == 0), 0.0, trials["physical_distance"])
    rows = []
    for names, cell in trials.assign(far=far).groupby(list(by), sort=True):
        row: dict[str, object] = dict(zip(by, names, strict=True))
        for role, who in ROLES.items():
            shown = cell[cell["role"] == role]
            levels = shown.loc[shown["far"] > 0, "far"].to_numpy(dtype=float)
            if not len(levels):
                continue
            grid = threshold_likelihood.grid_for(levels)
            each = [trials for _, trials in shown.groupby("observer", sort=True)]
            found = threshold_likelihood.group(
                each, grid, x="far", curve=config.curve, proportion=config.proportion
            )
            row |= threshold_row(who, found, levels, 0.95)
        rows.append(row)
    return pd.DataFrame(rows).set_index(list(by))


def add_thresholds(table: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Add people's thresholds to a table; rows without one have ``not asked`` as reason."""
    both = table.copy()
    for who in ROLES.values():
        for end in ("", "_low", "_high"):
            both[f"{who}_threshold{end}"] = np.nan
        both[f"{who}_measurable"] = NOT_ASKED
    if thresholds.empty:
        return both
    keys = thresholds.index.names
    place = thresholds.index.get_indexer(
        pd.MultiIndex.from_frame(table[keys]) if len(keys) > 1 else pd.Index(table[keys[0]])
    )
    for column in thresholds:
        values = thresholds[column].to_numpy()[place]
        both[column] = np.where((place >= 0) & pd.notna(values), values, both[column])
        if not str(column).endswith("measurable"):
            both[column] = both[column].astype(float)
    return both

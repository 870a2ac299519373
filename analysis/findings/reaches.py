"""Reach of the widest metamers, relative to random changes and to people's threshold.

A reach is the physical distance of the farthest scene that passed the criterion in a search away
from its target: a lower bound. Divided by the reach of a control, or by people's threshold on the
same series, reaches of attributes can be compared.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.findings.physical_thresholds import NOT_ASKED, add_thresholds
from analysis.trials.frame import table_rows
from analysis.trials.searches import METAMER

OF_RUN = ("run", "target", "attribute", "model", "layer", "reach", "measure")
FEW = "nothing passed the criterion"


def table(starts: pd.DataFrame, thresholds: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """Return, for each run, its reach (NaN if nothing passed), also divided by control and people.

    `starts` is the table `StimulusSet.reach`; `thresholds` are people's, by ``run``; `searches` are
    the verdicts by run. A search has several starts: ``passed`` counts those that passed.
    ``control_bounded`` is whether a scene beyond the control's reach failed; ``over_people`` is
    reach ÷ people's threshold with ``_low`` and ``_high``.
    """
    runs = starts.drop_duplicates("run").reset_index(drop=True)
    passed = (starts["verdict"] == METAMER).groupby(starts["run"]).agg(["size", "sum"])
    verdicts = searches.set_index("run")["verdict"]
    rows = add_thresholds(
        runs[[*OF_RUN]].assign(
            starts=passed["size"].reindex(runs["run"]).to_numpy(),
            passed=passed["sum"].reindex(runs["run"]).to_numpy(),
            verdict=verdicts.reindex(runs["run"]).fillna("not shown").to_numpy(),
            control_reach=runs["control_reach"],
            control_bounded=runs["control_failed_at"].notna(),
            over_control=runs["reach"] / runs["control_reach"],
        ),
        thresholds,
    )
    rows["over_people"] = rows["reach"] / rows["people_threshold"]
    rows["over_people_low"] = rows["reach"] / rows["people_threshold_high"]
    rows["over_people_high"] = rows["reach"] / rows["people_threshold_low"]
    rows["reading"] = [_reading(row) for row in table_rows(rows)]
    return rows


def headlines(table: pd.DataFrame) -> list[str]:
    """Return a sentence for each metamer whose reach exceeds people's threshold (95 %)."""
    return [
        f"{row['target']}: metamers of {row['model']} reach at least {row['over_people_low']:.2g} "
        f"times as far as people's threshold for {row['attribute']} (95 %)"
        for row in table_rows(table)
        if row["verdict"] == METAMER and row["over_people_low"] > 1
    ]


def _reading(row: dict[str, Any]) -> str:
    """Return the conclusion from a row of the table, in words."""
    if np.isnan(row["reach"]):
        return FEW
    if np.isnan(row["over_control"]):
        control = "the reach of a random change is not known"
    elif row["control_bounded"]:
        control = f"at least {row['over_control']:.2g} × the reach of a random change"
    else:
        control = (
            f"about {row['over_control']:.2g} × the reach of a random change, which is a lower "
            "bound too"
        )
    state = row["people_measurable"]
    if state == "measured":
        people = f"at least {row['over_people']:.2g} × people's threshold"
    elif state == NOT_ASKED:
        people = "people were not shown this series"
    elif state in ("above", "below"):
        people = f"people's threshold is {state} the tested distances"
    else:
        people = f"people's threshold is not measurable ({state})"
    return f"{control}; {people}"

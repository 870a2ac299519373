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
    """Return a row for each run: its reach (NaN if nothing passed), divided by control and people.

    `starts` is `StimulusSet.reach`; `thresholds` are of people by ``run``; `searches` are verdicts
    by run. ``passed`` counts starts that passed; ``control_bounded`` is whether a scene beyond the
    control's reach failed; ``over_people`` = reach ÷ people's threshold with ``_low`` and
    ``_high``.
    """
    runs = starts.drop_duplicates("run").reset_index(drop=True)
    passed = (starts["verdict"] == METAMER).groupby(starts["run"]).agg(["size", "sum"])
    verdicts = searches.set_index("run")["verdict"]
    found = add_thresholds(
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
    found["over_people"] = found["reach"] / found["people_threshold"]
    found["over_people_low"] = found["reach"] / found["people_threshold_high"]
    found["over_people_high"] = found["reach"] / found["people_threshold_low"]
    found["reading"] = [_reading(row) for row in table_rows(found)]
    return found


def headlines(table: pd.DataFrame) -> list[str]:
    """Return the metamers that reach beyond people's threshold (95 %), a sentence for each."""
    return [
        f"{row['target']}: metamers of {row['model']} reach at least {row['over_people_low']:.2g} "
        f"times as far as people's threshold for {row['attribute']} (95 %)"
        for row in table_rows(table)
        if row["verdict"] == METAMER and row["over_people_low"] > 1
    ]


def _reading(row: dict[str, Any]) -> str:
    """Return in words what a row shows."""
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

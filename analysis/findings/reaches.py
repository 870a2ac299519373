"""How far the widest metamers lie, beside what a random change of the kind and people make of it.

A reach is the physical distance of the farthest scene that a search away from its target found and
the criterion let pass: a lower bound. In its own unit it says little; divided by the reach of a
control, or by people's threshold on the same series, reaches of attributes can be compared.
"""

from typing import Any

import numpy as np
import pandas as pd

from analysis.findings.physical_thresholds import joined
from analysis.statistics.invariance import rows_of
from analysis.trials.searches import METAMER

OF_RUN = ("run", "target", "attribute", "model", "layer", "reach", "measure")
FEW = "nothing passed the criterion"


def table(starts: pd.DataFrame, thresholds: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """Put reaches beside controls and people.

    Parameters
    ----------
    starts
        `StimulusSet.reach`: a row a start.
    thresholds
        Of people by ``run`` (`physical_thresholds.of_people`); may be empty.
    searches
        Verdicts by run (`analysis.trials.searches.table`).

    Returns
    -------
    pandas.DataFrame
        A row a run: ``run``, ``target``, ``attribute``, ``model``, ``layer``; ``reach`` in its
        ``measure`` (NaN where nothing passed); ``starts`` and ``passed``, how many of them;
        ``verdict`` (`analysis.trials.searches`); ``control_reach``, and ``control_bounded``:
        whether something beyond it failed; ``over_control`` = reach ÷ control's reach; people's
        threshold on the series (`physical_thresholds.joined`) and on its control; ``over_people`` =
        reach ÷ people's threshold with ``_low`` and ``_high``; ``reading`` in words.
    """
    made = starts.drop_duplicates("run").reset_index(drop=True)
    by_run = starts.groupby("run")["verdict"]
    counts = pd.DataFrame({"starts": by_run.size(), "passed": by_run.agg(_passed)})
    verdicts = searches.set_index("run")["verdict"]
    made = joined(
        made[[*OF_RUN]].assign(
            starts=counts["starts"].reindex(made["run"]).to_numpy(),
            passed=counts["passed"].reindex(made["run"]).to_numpy(),
            verdict=verdicts.reindex(made["run"]).fillna("not shown").to_numpy(),
            control_reach=made["control_reach"],
            control_bounded=made["control_failed_at"].notna(),
            over_control=made["reach"] / made["control_reach"],
        ),
        thresholds,
    )
    made["over_people"] = made["reach"] / made["people_threshold"]
    made["over_people_low"] = made["reach"] / made["people_threshold_high"]
    made["over_people_high"] = made["reach"] / made["people_threshold_low"]
    made["reading"] = [_reading(row) for row in rows_of(made)]
    return made


def headlines(table: pd.DataFrame) -> list[str]:
    """Say of which metamers it is sure (95 %) that they reach beyond people's threshold."""
    return [
        f"{row['target']}: metamers of {row['model']} reach at least {row['over_people_low']:.2g} "
        f"times as far as people's threshold for {row['attribute']} (95 %)"
        for row in rows_of(table)
        if row["verdict"] == METAMER and row["over_people_low"] > 1
    ]


def _passed(verdicts: pd.Series) -> int:
    return int((verdicts == METAMER).sum())


def _reading(row: dict[str, Any]) -> str:
    """What a row says, bounds told as such."""
    if np.isnan(row["reach"]):
        return FEW
    said = []
    if not np.isnan(row["over_control"]):
        kind = "at least" if row["control_bounded"] else "about"
        said.append(f"{kind} {row['over_control']:.2g} × a random change's")
        if not row["control_bounded"]:
            said[-1] += ", whose own is a lower bound too"
    else:
        said.append("no random change's reach is known")
    state = row["people_measurable"]
    if state == "measured":
        said.append(f"at least {row['over_people']:.2g} × people's threshold")
    elif state == "not asked":
        said.append("people were not shown this series")
    elif state in ("above", "below"):
        said.append(f"people's threshold lies {state} the tested distances")
    else:
        said.append(f"people's threshold is not measurable ({state})")
    return "; ".join(said)

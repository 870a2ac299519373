"""Verdicts on the stored images, compared with the verdicts at the end of each search.

The criterion is applied when a search ends, and again, when the set is embedded, to the images that
people see. Those have other noise, are rounded, and may lack cameras of the search, so a verdict
can differ. A result that is a metamer by only one verdict should not be reported as one.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from stimuli.stimulus_set import StimulusSet

OWN_LIGHT = "own"  # name of the light of the search; a family may be shown under other lights too
COLUMNS = ("run", "layers", "light", "own", "before", "now", "reason", "cameras", "outside")
FAILED_CAMERAS = "failed_cameras"  # in the provenance: run → camera → why the search failed there


def second_judgement(stimuli: StimulusSet, model: str) -> pd.DataFrame:
    """Return which results are metamers on the stored images, at the training cameras.

    Parameters
    ----------
    stimuli
        The set.
    model
        An embedded model.

    Returns
    -------
    DataFrame
        One row per result, light, and set of layers: ``run``, ``layers`` (joined by ``;``),
        ``light``, ``own`` (whether the search used this model and these layers), ``before``
        (whether the result was a metamer at the end of the search, at all its training cameras,
        under the search's light), ``now`` (whether it is one at the training cameras of the set),
        ``reason`` (why it is not a metamer now; empty if it is), ``cameras`` (those of ``now``),
        and ``outside`` (cameras that are not in the set at which the search failed, each with its
        reason; empty if there are none, or if the set does not record them).

    Raises
    ------
    InputError
        The model has not been embedded.
    """
    verdicts = stimuli.verdicts(model)
    if verdicts.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    table = stimuli.table
    results = table[table["role"] == "result"].drop_duplicates("run").set_index("run")
    scored = verdicts[(verdicts["role"] == "result") & ~verdicts["held_out"].astype(bool)]
    failed = _failed_cameras(stimuli.provenance)
    rows = []
    for (run, layers, light), cameras in scored.groupby(["run", "layers", "light"], sort=False):
        search = results.loc[str(run)]
        rows.append(
            {
                "run": run,
                "layers": layers,
                "light": light,
                "own": (search["model"], search["layer"]) == (model, layers),
                "before": search["verdict"] == "metamer",
                "now": bool(cameras["metamer"].all()),
                "reason": _reason(cameras),
                "cameras": ", ".join(cameras["camera"]),
                "outside": _in_words(
                    (camera, reason)
                    for camera, reason in failed.get(str(run), {}).items()
                    if camera not in set(cameras["camera"])
                ),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def in_words(verdicts: pd.DataFrame) -> list[str]:
    """Describe `second_judgement` in lines: how many results are metamers, and what changed."""
    lines = []
    for (layers, light), rows in verdicts.groupby(["layers", "light"], sort=False):
        where = [
            f"{name} {value}"
            for name, value in (("layers", layers), ("light", light))
            if verdicts[name].nunique() > 1
        ]
        place = f" ({', '.join(where)})" if where else ""
        lines.append(f"metamers on the stored images{place}: {_counts(rows)}")
        if light == OWN_LIGHT:  # the search has no verdict under other lights
            lines += _changes(rows[rows["own"]])
    return lines


def _counts(rows: pd.DataFrame) -> str:
    """Return how many results are metamers: of the model's own searches, and of others."""
    kinds = (
        (rows[rows["own"]], "results of its own searches"),
        (rows[~rows["own"]], "other results"),
    )
    return ", ".join(
        f"{int(results['now'].sum())} of {len(results)} {whose}"
        for results, whose in kinds
        if len(results)
    )


def _changes(own: pd.DataFrame) -> list[str]:
    """Return one line for each result whose verdict on the stored images differs."""
    lost, gained = own[own["before"] & ~own["now"]], own[~own["before"] & own["now"]]
    return [
        *(f"not a metamer any more: {row.run}: {row.reason}" for row in lost.itertuples()),
        *(
            f"a metamer at the set's cameras ({row.cameras}), but not at the end of its search: "
            f"{row.run}"
            + (f": it failed at cameras that are not in the set: {row.outside}" * bool(row.outside))
            for row in gained.itertuples()
        ),
    ]


def _reason(cameras: pd.DataFrame) -> str:
    """Return why a result is not a metamer, for each failing camera; "" for a metamer."""
    failed = cameras[~cameras["passed"].astype(bool)]
    if failed.empty and cameras["target_again"].any():
        return "it is the target again"
    return _in_words(zip(failed["camera"], failed["failed"], strict=True))


def _in_words(reasons: Iterable[tuple[str, str]]) -> str:
    """Return cameras with the reasons why a result fails there."""
    return ", ".join(f"{camera}: {reason}" for camera, reason in reasons)


def _failed_cameras(provenance: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return run → training camera → why its search failed there, of all merged sets."""
    failed = dict(provenance.get(FAILED_CAMERAS, {}))
    for each in provenance.get("merged", ()):
        failed |= _failed_cameras(each["provenance"])
    return failed

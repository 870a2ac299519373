"""Recovery: how well searches found the targets of a set again."""

import pandas as pd

from stimuli.opening import reading
from stimuli.schema import RECOVERY
from stimuli.stimulus_set import StimulusSet

COLUMNS = ("run", "target", "search", "model", "layer", "outcome", "attribute", "measure", "error",
           "unit")  # fmt: skip


def recoveries(stimuli: StimulusSet) -> pd.DataFrame:
    """Return the errors of all finished searches of a set's targets, one row per measure.

    Runs that are not in the set (because their result is no metamer) are included.

    Parameters
    ----------
    stimuli
        The set.

    Returns
    -------
    DataFrame
        ``run``, ``target``, ``search``, ``model``, ``layer``; ``outcome`` ("metamer", "recovered",
        "not a metamer", or with mode flip "flipped" or "not flipped"); ``attribute``, ``measure``
        and ``error``, the physical difference of result and target in its ``unit``. Of the measure
        ``volume_iou``, 1 is no error; of all others, 0. NaN if undefined. Empty for sets of
        earlier versions.

    Raises
    ------
    InputError
        A record is damaged.
    """
    with reading(stimuli.path, RECOVERY):
        rows = [
            {
                "run": run,
                **{name: record[name] for name in COLUMNS[1:5]},
                "outcome": record["verdict"],
                "attribute": attribute,
                "measure": measure,
                "error": float("nan") if error is None else float(error),
                "unit": record["recovery"]["units"].get(attribute, {}).get(measure, ""),
            }
            for run, record in stimuli.findings.recovery.items()
            for attribute, errors in record["recovery"]["errors"].items()
            for measure, error in errors.items()
        ]
    return pd.DataFrame(rows, columns=list(COLUMNS))

"""Thresholds predicted from Fisher information, and thresholds measured with people.

A prediction is for one parameter of a scene. People saw series, in which all parameters of a search
(or of a random direction, in controls) change together. Both are physical distances from the
target, but in different directions. If the change along a series is within the predicted
parameters, the threshold in its direction is predicted too.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.findings.physical_thresholds import add_thresholds
from stimuli.findings import MATERIAL, NOISY, material_change
from stimuli.schema import KEY
from stimuli.stimulus_set import StimulusSet

SHOWN = (
    "target", "attribute", "parameter", "model", "layer", "threshold", "unit", "distance",
    "measure", "agreement",
)  # fmt: skip
ENDS = {"result": "series", "control": "control"}  # role of its last image → name of a series


def table(predictions: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Return predicted thresholds with measured ones of the same target and attribute.

    `predictions` are rows of `StimulusSet.predicted_thresholds` and `along_series`. ``threshold``
    is in ``unit``, ``distance`` in ``measure`` (infinite if the model does not see the parameter);
    ``agreement`` compares the two halves of the derivative of activations; it is low if ``noisy``.
    """
    noisy = predictions["agreement"] < NOISY
    both = add_thresholds(predictions[[*SHOWN]].assign(noisy=noisy), thresholds)
    both["people_over_predicted"] = both["people_threshold"] / both["distance"]
    return both.sort_values(["target", "attribute"], kind="stable", ignore_index=True)


def along_series(stimuli: StimulusSet) -> pd.DataFrame:
    """Return predicted thresholds in the direction of the series that people saw.

    A series between two materials without textures only changes parameters that have predictions:
    with δ the change to its end, F the Fisher information, and D the physical distance of the end,
    the predicted threshold is D/√(δᵀFδ). The unit of ``threshold`` is the fraction of the way to
    the end. Series that change anything else (textures, shape, light, pose, or another object than
    the first of the target) have no row.
    """
    images, records = stimuli.table, stimuli.findings.predicted_thresholds
    predictions = stimuli.predicted_thresholds().drop_duplicates("prediction")
    rows = []
    for _, common in predictions.iterrows():
        record = records[common["prediction"]]
        same = (images["target"] == common["target"]) & (images["attribute"] == MATERIAL)
        own = images[same]
        ends = own[own["role"].isin(ENDS)]
        farthest = ends.sort_values("level").drop_duplicates(["role", "run"], keep="last")
        for _, end in farthest.iterrows():
            start = own[(own["role"] == "target") & (own["family"] == end["family"])].iloc[0]
            before, after = (stimuli.scene(str(each[KEY])) for each in (start, end))
            if before.others and before.sha256 != record.get("scene"):
                continue
            change = material_change(before.material, after.material, record["parameters"])
            if change is None:
                continue
            run = f"{end['model']}-{end['search']}-s{end['seed']}"
            share = threshold_along(np.array(record["fisher_information"]), change)
            rows.append(
                dict(common)
                | {
                    "attribute": MATERIAL,
                    "parameter": f"{ENDS[end['role']]} {run}",
                    "threshold": share,
                    "unit": "of the way to its end",
                    "distance": share * end["physical_distance"],
                    "measure": end["distance_measure"],
                    "agreement": np.nan,
                }
            )
    return pd.DataFrame(rows, columns=predictions.columns)


def threshold_along(fisher: NDArray[np.float64], change: NDArray[np.float64]) -> float:
    """Return 1/√(δᵀFδ): the threshold along `change` δ (P,), as a fraction of δ; F is (P, P)."""
    total = float(change @ fisher @ change)
    return total**-0.5 if total > 0 else float("inf")

"""Thresholds that models are predicted to have, beside those that people were measured to have.

A prediction is of one parameter of a scene; people saw series, along which everything that a search
(or a random direction, in controls) moves changes together. Both are told as physical distance
from the target, in the unit of their attribute: one axis, and different directions on it. Where the
change along a series lies in the predicted parameters, a threshold in that very direction follows.
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.findings.physical_thresholds import joined
from stimuli.findings import MATERIAL, NOISY, material_change
from stimuli.schema import KEY
from stimuli.stimulus_set import StimulusSet

SHOWN = (
    "target", "attribute", "parameter", "model", "layer", "threshold", "unit", "distance",
    "measure", "agreement",
)  # fmt: skip
ENDS = {"result": "series", "control": "control"}  # roles, and what they are the ends of


def table(predictions: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Put predicted thresholds beside measured ones of the same target and attribute.

    Parameters
    ----------
    predictions
        `StimulusSet.predicted_thresholds`: a row a parameter; and `along_series`.
    thresholds
        Of people by ``target`` and ``attribute`` (`physical_thresholds.of_people`); may be empty.

    Returns
    -------
    pandas.DataFrame
        A row a parameter, target and model: ``threshold`` in its ``unit`` and as ``distance`` in
        ``measure`` (infinite where the model does not see it); ``agreement`` of the two halves of
        its derivative, and whether it is ``noisy``; people's threshold on all series of the target
        and attribute, and on their controls (`physical_thresholds.joined`), in ``measure``;
        ``people_over_predicted``, their ratio on series.
    """
    noisy = predictions["agreement"] < NOISY
    made = joined(predictions[[*SHOWN]].assign(noisy=noisy), thresholds)
    made["people_over_predicted"] = made["people_threshold"] / made["distance"]
    return made.sort_values(["target", "attribute"], kind="stable", ignore_index=True)


def along_series(stimuli: StimulusSet) -> pd.DataFrame:
    """Predict thresholds in the direction that people saw, where it lies in the parameters.

    A series between two materials without textures changes exactly the parameters that thresholds
    are predicted for: with δ the change to its end, F the Fisher information, and D the physical
    distance of the end, the predicted threshold is D/√(δᵀFδ).

    Parameters
    ----------
    stimuli
        The set.

    Returns
    -------
    pandas.DataFrame
        Rows as `StimulusSet.predicted_thresholds`, whose ``parameter`` is ``series`` or ``control``
        and ``<model>-<search>-s<seed>`` of its run, and the ``threshold`` a share of the way to
        the end.
        None for a series that changes something else (textures, shape, light, pose).
    """
    images, records = stimuli.table, stimuli.findings.predicted_thresholds
    predictions = stimuli.predicted_thresholds().drop_duplicates("prediction")
    rows = []
    for _, common in predictions.iterrows():
        record = records[common["prediction"]]
        its = images[(images["target"] == common["target"]) & (images["attribute"] == MATERIAL)]
        ends = its[its["role"].isin(ENDS)]
        farthest = ends.sort_values("level").drop_duplicates(["role", "run"], keep="last")
        for _, end in farthest.iterrows():
            start = its[(its["role"] == "target") & (its["family"] == end["family"])].iloc[0]
            before, after = (stimuli.scene(str(each[KEY])).material for each in (start, end))
            change = material_change(before, after, record["parameters"])
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
    """1/√(δᵀFδ): threshold along a change δ (P,), as a fraction of it; F is (P, P)."""
    total = float(change @ fisher @ change)
    return total**-0.5 if total > 0 else float("inf")

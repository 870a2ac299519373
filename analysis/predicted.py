"""Thresholds that models are predicted to have, beside those that people were measured to have.

A prediction is of one parameter of a scene; people saw series, along which everything that a search
(or a random direction, in controls) moves changes together. Both are told as physical distance
from the target, in the unit of their attribute: one axis, and different directions on it.
"""

import pandas as pd

from analysis.physical_thresholds import joined

SHOWN = (
    "target", "attribute", "parameter", "model", "layer", "threshold", "unit", "distance",
    "measure", "agreement",
)  # fmt: skip
NOISY = 0.5  # agreement of the two halves of a derivative below which its threshold is too small


def table(predictions: pd.DataFrame, thresholds: pd.DataFrame) -> pd.DataFrame:
    """Put predicted thresholds beside measured ones of the same target and attribute.

    Parameters
    ----------
    predictions
        `StimulusSet.predicted_thresholds`: a row a parameter.
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
    return made.sort_values(["target", "attribute", "parameter", "model"], ignore_index=True)

"""Predicted thresholds on the axes of physical distance that series have."""

from __future__ import annotations

import numpy as np

from mrd.measures.fisher.parameters import Parameter
from mrd.search.controls import measure_from
from scenes.scene import Scene

SAMPLING = 0  # seed of the points by which shapes are compared


def distance_per_unit(scene: Scene, parameter: Parameter) -> float:
    """How much physical distance a unit of a parameter makes, near the scene.

    A distance is a norm of a difference, so it grows with the size of a small change: its slope is
    taken at the parameter's central step, over the sides on which there is room, where neither
    rounding nor curvature tells.

    Parameters
    ----------
    scene
        Loaded.
    parameter
        Of it.

    Returns
    -------
    float
        In `scenes.differences.DISTANCE` of the parameter's attribute; NaN without room.
    """
    measure = measure_from(scene, parameter.attribute, SAMPLING)
    low, high = parameter.room(scene)
    sides = (max(low, -parameter.step), min(high, parameter.step))
    slopes = [
        measure(getattr(parameter.moved(scene, amount), parameter.attribute)) / abs(amount)
        for amount in sides
        if amount
    ]
    return float(np.mean(slopes)) if slopes else float("nan")

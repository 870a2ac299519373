"""Physical distance from a scene, in the measures of series, per unit of a scene parameter."""

from __future__ import annotations

import numpy as np

from mrd.measures.fisher.parameters import Parameter
from mrd.search.controls import measure_from
from scenes.scene import Scene

SAMPLING = 0  # seed of the surface points at which shapes are compared


def distance_per_unit(scene: Scene, parameter: Parameter) -> float:
    """Return the distance (`scenes.differences.DISTANCE`) per unit of a parameter near a scene.

    A distance is a norm, so it is proportional to a small change. Its slope is measured at
    the parameter's step, where rounding and curvature are small: the mean over the changes up and
    down that the bounds allow; NaN if they allow none.
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

"""Finite-difference derivatives of functions that are defined between two bounds only."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", float, NDArray[np.float64])


def derivative(
    function: Callable[[float], Value], at: float, step: float, low: float, high: float
) -> Value:
    """Return the derivative at a number, of second order in the step, at the bounds too.

    It is the central difference if a step fits on both sides, or else the derivative of the
    parabola through three points, a step apart, within the bounds. `low` and `high` are more than
    two steps apart, and the function is never called outside them.
    """
    middle = min(max(at, low + step), high - step)
    before, after = function(max(middle - step, low)), function(min(middle + step, high))
    slope = (after - before) / (2 * step)
    if middle != at:
        slope = slope + (at - middle) * (after - 2 * function(middle) + before) / step**2
    return slope

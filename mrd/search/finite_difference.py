"""Finite-difference derivatives of functions that are defined only between two bounds."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", float, NDArray[np.float64])


def derivative(
    function: Callable[[float], Value], at: float, step: float, low: float, high: float
) -> Value:
    """Return the derivative of a function at a number; its error is of second order in the step.

    It is the central difference if a step fits between `at` and both bounds. Otherwise it is the
    derivative of the parabola through three points within the bounds, a step apart. `low` and
    `high` are more than two steps apart, and the function is never called outside them.
    """
    middle = min(max(at, low + step), high - step)
    before, after = function(max(middle - step, low)), function(min(middle + step, high))
    slope = (after - before) / (2 * step)
    if middle != at:
        slope = slope + (at - middle) * (after - 2 * function(middle) + before) / step**2
    return slope

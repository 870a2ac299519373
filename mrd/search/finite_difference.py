"""Derivatives by finite differences of what is defined between two bounds alone."""

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Value = TypeVar("Value", float, NDArray[np.float64])


def derivative(
    of: Callable[[float], Value], here: float, step: float, low: float, high: float
) -> Value:
    """Derivative at a number, of second order in the step, on the bounds too.

    It is the central difference where a step fits on both sides. Nearer to a bound it is that of
    the parabola through three places, a step apart, that lie within.

    Parameters
    ----------
    of
        The function; it is never called outside the bounds.
    here
        Where.
    step
        Between places.
    low, high
        The bounds, more than two steps apart.
    """
    middle = min(max(here, low + step), high - step)
    before, after = of(max(middle - step, low)), of(min(middle + step, high))
    slope = (after - before) / (2 * step)
    if middle != here:
        slope = slope + (here - middle) * (after - 2 * of(middle) + before) / step**2
    return slope

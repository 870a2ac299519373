"""Same–different: two images of one scene (half of the trials) or of two."""

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from psychophysics.tasks.base import (
    Arrangement,
    Array,
    Presentation,
    Show,
    Task,
    in_a_row,
    one_by_one,
)

SAME, DIFFERENT = 0, 1


def _layout(presentation: Presentation) -> tuple[Show, ...]:
    return one_by_one(2) if presentation == "time" else (in_a_row(0, 2),)


def decide(distances: Array, criterion: float) -> npt.NDArray[np.int_]:
    """Return "different" if the distance is above the criterion."""
    return np.where(distances[..., 0, 1] > criterion, DIFFERENT, SAME)


def proportion_correct(d_prime: float, criterion: float) -> float:
    """Return the hit rate of the differencing rule (Macmillan & Creelman 2005).

    H = Φ((d−k)/√2) + Φ((−d−k)/√2); at d = 0 this is the false-alarm rate, 2Φ(−k/√2).
    d is d′, k the criterion.
    """
    root = np.sqrt(2)
    return float(norm.cdf((d_prime - criterion) / root) + norm.cdf((-d_prime - criterion) / root))


def criterion_of(false_alarms: float) -> float:
    """Return the criterion k of a false-alarm rate F between 0 and 1: F = 2Φ(−k/√2)."""
    return float(-np.sqrt(2) * norm.ppf(false_alarms / 2))


SAME_DIFFERENT = Task(
    name="same_different",
    alternatives=("same", "different"),
    arrangements=(
        Arrangement(("target", "target"), SAME, "target", informative=False),
        Arrangement(("comparison", "comparison"), SAME, "comparison", informative=False),
        Arrangement(("target", "comparison"), DIFFERENT, "both"),
        Arrangement(("comparison", "target"), DIFFERENT, "both"),
    ),
    chance=1 / 2,
    layout=_layout,
    decide=decide,
    proportion_correct=proportion_correct,
    keys=("left", "right"),
)

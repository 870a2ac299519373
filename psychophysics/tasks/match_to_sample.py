"""Match to sample: a sample of either scene, then two images, one of the same scene."""

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from psychophysics.tasks.base import (
    Arrangement,
    Array,
    Presentation,
    Show,
    Side,
    Task,
    in_a_row,
    one_by_one,
)


def _arrangement(sample: Side, match: int) -> Arrangement:
    other: Side = "comparison" if sample == "target" else "target"
    choices = (sample, other) if match == 0 else (other, sample)
    return Arrangement((sample, *choices), correct=match, special=sample)


def _layout(presentation: Presentation) -> tuple[Show, ...]:
    sample = one_by_one(1)
    return one_by_one(3) if presentation == "time" else (*sample, in_a_row(1, 2))


def decide(distances: Array, criterion: float) -> npt.NDArray[np.int_]:  # noqa: ARG001
    """Return which of the two choices (0 or 1) is nearer to the sample."""
    return np.argmin(distances[..., 0, 1:], axis=-1)


def proportion_correct(d_prime: float, criterion: float = 0.0) -> float:  # noqa: ARG001
    """Return the proportion correct of the differencing rule (Macmillan & Creelman 2005, ABX).

    Φ(d/√2)Φ(d/√6) + Φ(−d/√2)Φ(−d/√6), where d is d′.
    """
    a, b = d_prime / np.sqrt(2), d_prime / np.sqrt(6)
    return float(norm.cdf(a) * norm.cdf(b) + norm.cdf(-a) * norm.cdf(-b))


MATCH_TO_SAMPLE = Task(
    name="match_to_sample",
    alternatives=("left", "right"),
    arrangements=tuple(
        _arrangement(sample, match) for sample in ("target", "comparison") for match in range(2)
    ),
    chance=1 / 2,
    layout=_layout,
    decide=decide,
    proportion_correct=proportion_correct,
    keys=("left", "right"),
)

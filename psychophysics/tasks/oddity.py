"""Oddity: one of three images shows another scene; in half of the trials, that is the target."""

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

# Gauss–Legendre nodes and weights on 0 to 8, beyond which φ is below 1e-14.
_Z, _WEIGHTS = 4 * (np.polynomial.legendre.leggauss(64) + np.array([[1.0], [0.0]]))


def _arrangement(odd: Side, place: int) -> Arrangement:
    other: Side = "comparison" if odd == "target" else "target"
    sides: list[Side] = [other] * 3
    sides[place] = odd
    return Arrangement(tuple(sides), correct=place, special=odd)


def _layout(presentation: Presentation) -> tuple[Show, ...]:
    return one_by_one(3) if presentation == "time" else (in_a_row(0, 3),)


def decide(distances: Array, criterion: float) -> npt.NDArray[np.int_]:  # noqa: ARG001
    """Return the number of the image with the largest summed distance from the others."""
    return np.argmax(distances.sum(axis=-1), axis=-1)


def proportion_correct(d_prime: float, criterion: float = 0.0) -> float:  # noqa: ARG001
    """Return the proportion correct of the differencing rule (Frijters 1980).

    2∫₀^∞ [Φ(−z√3 + d√(2/3)) + Φ(−z√3 − d√(2/3))] φ(z) dz, where d is d′.
    """
    shift = d_prime * np.sqrt(2 / 3)
    tails = norm.cdf(shift - _Z * np.sqrt(3)) + norm.cdf(-shift - _Z * np.sqrt(3))
    return float(2 * np.sum(_WEIGHTS * tails * norm.pdf(_Z)))


ODDITY = Task(
    name="oddity",
    alternatives=("first", "second", "third"),
    arrangements=tuple(
        _arrangement(odd, place) for odd in ("target", "comparison") for place in range(3)
    ),
    chance=1 / 3,
    layout=_layout,
    decide=decide,
    proportion_correct=proportion_correct,
    keys=("1", "2", "3"),
)

"""What every task says about itself: arrangements, layout, decision rule, chance."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

Side = Literal["target", "comparison"]
Array = npt.NDArray[np.float64]

# Where images stand, in widths of an image from the middle of the window; y is up.
Place = tuple[float, float]
CENTRE: Place = (0.0, 0.0)


@dataclass(frozen=True)
class Arrangement:
    """Which scene stands in which interval, and what is then right."""

    sides: tuple[Side, ...]
    correct: int
    special: str
    informative: bool = True


@dataclass(frozen=True)
class Show:
    """A part of a trial in which some images are on the screen together."""

    images: tuple[tuple[int, Place], ...]


Presentation = Literal["time", "space"]


@dataclass(frozen=True)
class Task:
    """A task."""

    name: str
    alternatives: tuple[str, ...]
    arrangements: tuple[Arrangement, ...]
    chance: float
    layout: Callable[[Presentation], tuple[Show, ...]]
    decide: Callable[[Array, float], npt.NDArray[np.int_]]
    proportion_correct: Callable[[float, float], float]
    keys: tuple[str, ...]

    @property
    def images(self) -> int:
        """Number of images of a trial."""
        return len(self.arrangements[0].sides)


LARGEST_D_PRIME = 12.0


def d_prime(task: Task, proportion: float, criterion: float = 0.0) -> float:
    """Invert a task's proportion correct."""
    largest = LARGEST_D_PRIME + criterion

    def difference(d: float) -> float:
        return task.proportion_correct(d, criterion) - proportion

    if difference(0.0) >= 0:
        return 0.0
    if difference(largest) <= 0:
        return largest
    return float(brentq(difference, 0.0, largest, xtol=1e-10))


def one_by_one(count: int) -> tuple[Show, ...]:
    """Images after one another, in the middle."""
    return tuple(Show(((number, CENTRE),)) for number in range(count))


def in_a_row(first: int, count: int) -> Show:
    """`count` images side by side, the first of them number `first`, a quarter width apart."""
    step = 1.25
    return Show(
        tuple((first + number, ((number - (count - 1) / 2) * step, 0.0)) for number in range(count))
    )

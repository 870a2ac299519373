"""Definition of a task: arrangements of its images, layout, decision rule, chance level."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import brentq

Side = Literal["target", "comparison"]
Array = npt.NDArray[np.float64]

# Place (x, y) of an image: offset from the middle of the window, in widths and heights of an image;
# y is up.
Place = tuple[float, float]
CENTRE: Place = (0.0, 0.0)


@dataclass(frozen=True)
class Arrangement:
    """The scene of each image of a trial, and the right choice."""

    sides: tuple[Side, ...]
    correct: int  # number of the right alternative
    special: str  # scene of the odd image, the sample or the pair; "both" for different scenes
    informative: bool = True  # False for pairs of the same scene: the level has no effect


@dataclass(frozen=True)
class Show:
    """Images that are on the screen together: number and place of each."""

    images: tuple[tuple[int, Place], ...]


Presentation = Literal["time", "space"]


@dataclass(frozen=True)
class Task:
    """A task: what its trials show, its answers, and its decision rule for computed observers."""

    name: str
    alternatives: tuple[str, ...]
    arrangements: tuple[Arrangement, ...]  # each is shown equally often
    chance: float  # proportion correct of guesses
    layout: Callable[[Presentation], tuple[Show, ...]]
    # Maps distances (…, images, images) and a criterion (same–different only) to choices (…).
    decide: Callable[[Array, float], npt.NDArray[np.int_]]
    # Maps d′ and a criterion to the proportion correct (same–different: the hit rate).
    proportion_correct: Callable[[float, float], float]
    keys: tuple[str, ...]  # default answer keys

    @property
    def images(self) -> int:
        """Number of images of a trial."""
        return len(self.arrangements[0].sides)


LARGEST_D_PRIME = 12.0


def d_prime(task: Task, proportion: float, criterion: float = 0.0) -> float:
    """Return the d′ at which a task's proportion correct is `proportion`; 0 below chance."""
    largest = LARGEST_D_PRIME + criterion

    def difference(d: float) -> float:
        return task.proportion_correct(d, criterion) - proportion

    if difference(0.0) >= 0:
        return 0.0
    if difference(largest) <= 0:
        return largest
    return float(brentq(difference, 0.0, largest, xtol=1e-10))


def one_by_one(count: int) -> tuple[Show, ...]:
    """Return the shows of `count` images after one another, in the middle."""
    return tuple(Show(((number, CENTRE),)) for number in range(count))


def in_a_row(first: int, count: int) -> Show:
    """Show `count` images from number `first` on, side by side, a quarter width apart."""
    step = 1.25
    return Show(
        tuple((first + number, ((number - (count - 1) / 2) * step, 0.0)) for number in range(count))
    )

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
    """Which scene stands in which interval, and what is then right.

    Parameters
    ----------
    sides
        Of every image of the trial, in order.
    correct
        Number of the right alternative, from 0.
    special
        The scene that plays the special part (the odd one, the sample, the pair of a
        same–different trial): balanced over trials, so that either scene may play it.
    informative
        False where the answer does not hang on the level: a pair of the same.
    """

    sides: tuple[Side, ...]
    correct: int
    special: str
    informative: bool = True


@dataclass(frozen=True)
class Show:
    """A part of a trial in which some images are on the screen together.

    Parameters
    ----------
    images
        Numbers of the images, from 0, and their places.
    """

    images: tuple[tuple[int, Place], ...]


Presentation = Literal["time", "space"]


@dataclass(frozen=True)
class Task:
    """A task.

    Parameters
    ----------
    name
        In study files and file names.
    alternatives
        What the participant chooses from, in the order of the keys.
    arrangements
        All of them; each is used equally often.
    chance
        Proportion correct of guessing; for same–different, of unbiased guessing.
    layout
        From `time` or `space` to the parts of a trial, between which the screen is blank.
    decide
        From pairwise distances between the images, (..., n, n), and a criterion to the number of
        the alternative chosen, (...): the differencing rule.
    proportion_correct
        Of an observer who follows that rule on samples of a normal distribution of unit variance,
        as a function of d′; of same–different, the hit rate, given a criterion.
    keys
        Names of the default keys.
    """

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
    """Invert a task's proportion correct.

    Parameters
    ----------
    task
        The task.
    proportion
        Proportion correct (of same–different: hit rate).
    criterion
        Of same–different; others take no notice of it.

    Returns
    -------
    float
        d′, from 0 (at or below what d′ = 0 gives) to 12 more than the criterion, where every task
        is solved.
    """
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

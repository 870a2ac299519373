"""The answer to a trial, and the interface of every observer.

A sitting is one start of the program; a session that is resumed has more than one.
"""

from dataclasses import dataclass
from typing import Protocol

from psychophysics.timing import Interval
from psychophysics.trials import Trial


class Stopped(Exception):
    """The participant or the experimenter ended the sitting; the session can be resumed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a trial.

    Parameters
    ----------
    choice
        Number of the chosen alternative, from 0; None if there was no answer in time.
    key
        The key that was pressed; None for observers without keys.
    response_time
        Time from the onset of the last images, in seconds; None for observers without one.
    showings
        How often the trial was shown: 1, plus 1 for each pause during the trial; None without a
        window.
    onset
        Time of the trial's first frame, in seconds since the start of the sitting; None without a
        window.
    intervals
        When each image was shown, in the order of the images; empty without a window.
    """

    choice: int | None
    key: str | None = None
    response_time: float | None = None
    showings: int | None = None
    onset: float | None = None
    intervals: tuple[Interval, ...] = ()


class Observer(Protocol):
    """Interface of observers: a person at a window, a simulated observer, a model."""

    def begin(self, trial: Trial, before: Trial | None) -> None:
        """Prepare a sitting's first trial; `before` is the last trial of an earlier sitting."""

    def rest(self, trial: Trial, done: int) -> None:
        """Announce a break, phase or block before a trial; `done` trials are over."""

    def answer(self, trial: Trial) -> Answer:
        """Answer a trial.

        Raises
        ------
        Stopped
            The sitting was ended.
        """

    def give_feedback(self, trial: Trial, answer: Answer) -> None:
        """Give feedback on an answer, whose row is already on disk."""

    def end(self) -> None:
        """Close the session after its last trial."""

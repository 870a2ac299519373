"""What comes back from an observer, and who an observer is."""

from dataclasses import dataclass
from typing import Protocol

from psychophysics.timing import Interval
from psychophysics.trials import Trial


class Stopped(Exception):
    """The participant, or whoever sits beside, has ended the sitting; the session can go on."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a trial.

    Parameters
    ----------
    choice
        Number of the alternative, from 0; None where no answer came in time.
    key
        The key that was pressed; None for observers without keys.
    response_time
        From the onset of the last images, in seconds; None where it means nothing.
    showings
        How often the trial was shown: once, and again after each pause within it; None without a
        window.
    onset
        First frame of the trial, in seconds since the sitting began; None without a window.
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
    """Who answers: a person at a window, a simulated observer, a model."""

    def begin(self, trial: Trial, before: Trial | None) -> None:
        """A sitting begins with this trial; `before` is the last one of an earlier sitting."""

    def rest(self, trial: Trial, done: int) -> None:
        """A break, or another phase or block, comes before this trial; `done` trials are made."""

    def answer(self, trial: Trial) -> Answer:
        """Answer a trial.

        Raises
        ------
        Stopped
            The sitting is ended.
        """

    def told(self, trial: Trial, answer: Answer) -> None:
        """The answer is on disk; feedback may be given."""

    def end(self) -> None:
        """No trial is left."""

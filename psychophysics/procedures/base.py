"""What the session asks of every procedure."""

from typing import Protocol


class Procedure(Protocol):
    """Chooses the levels of one condition.

    A level is asked for once a trial; then `answered` is told how the trial went. Told the same
    answers again, a procedure made with the same seed is in the same state: that is how a
    session resumes.
    """

    @property
    def remaining(self) -> int:
        """Trials that are still to come, at most; 0 when it has ended."""

    def level(self) -> float:
        """Level of the next trial; asking again before `answered` gives the same."""

    def answered(self, correct: bool, informative: bool) -> None:
        """Take note of the answer to the last level."""

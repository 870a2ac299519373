"""Interface of procedures."""

from typing import Protocol


class Procedure(Protocol):
    """Chooses the levels of one condition.

    Its state follows from its seed and the answers alone, so that a session can be resumed.
    """

    @property
    def remaining(self) -> int:
        """Number of remaining trials, at most; 0 at the end."""

    def level(self) -> float:
        """Return the level of the next trial; the same until `update` is called."""

    def update(self, correct: bool, informative: bool) -> None:
        """Use an answer; if not `informative` (a pair of the same scene), only count it."""

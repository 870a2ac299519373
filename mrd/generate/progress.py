"""Who is told how the work goes: a bar, lines, or whoever calls from a script."""

from collections.abc import Mapping
from typing import Any, Protocol


class RunReport(Protocol):
    """Told how one run goes."""

    def note(self, text: str) -> None:
        """Something happened, in one line."""

    def prepared(self, what: str, done: int, total: int) -> None:
        """So many of so many renders of the null or the ceiling are done."""

    def step(self, row: Mapping[str, float]) -> None:
        """A step was made: its row of the history."""


class OpenReport(RunReport, Protocol):
    """Told how one piece of work goes, and how it ends."""

    def finished(self, summary: Mapping[str, Any]) -> None:
        """It has ended, with these numbers."""


class SweepReport(Protocol):
    """Told how many pieces of work go, several at once."""

    def started(self, name: str, total: int, what: str) -> OpenReport:
        """A piece of work begins: so many `what` ("steps", "images")."""

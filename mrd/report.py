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


class SweepReport(RunReport, Protocol):
    """Told how runs go: first `started`, then any of a run's own, then `finished`."""

    def started(self, run: str, steps: int) -> None:
        """A run of so many steps begins."""

    def finished(self, run: str, summary: Mapping[str, Any]) -> None:
        """A run has ended, with these numbers."""

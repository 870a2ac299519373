"""Protocols of objects that show progress: bars, lines, or nothing."""

from collections.abc import Mapping
from typing import Any, Protocol


class RunProgress(Protocol):
    """Progress of one run or of its images."""

    def note(self, text: str) -> None:
        """Show a message of one line."""

    def prepared(self, what: str, done: int, total: int) -> None:
        """Show that `done` of `total` renders or images (`what`) are finished."""

    def step(self, row: Mapping[str, float]) -> None:
        """Show a finished step of the search; `row` is its line of the history."""


class JobProgress(RunProgress, Protocol):
    """Progress of one job, including its end."""

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Show the results of the ended job."""


class StudyProgress(Protocol):
    """Progress of several jobs, which may run at once."""

    def started(self, name: str, total: int, what: str) -> JobProgress:
        """Show a job of `total` steps or images (`what`), and return its progress."""

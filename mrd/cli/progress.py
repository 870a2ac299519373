"""How a search goes, as it goes: a bar in a terminal, plain lines anywhere else."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
from rich.progress import Progress as Bars

from mrd.cli.tables import console as printed
from mrd.cli.tables import duration, number
from mrd.generate.progress import StudyProgress

SECONDS_BETWEEN_LINES = 5.0
STEPS_OF_RATE = 20  # the first step compiles; the rate of the last ones tells what is left


class Pace:
    """Seconds per step over the last steps, and the time left.

    Parameters
    ----------
    steps
        Step that the run ends at.
    clock
        Seconds from anywhere, growing.
    """

    def __init__(self, steps: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.steps = steps
        self._clock = clock
        self._seen: deque[tuple[float, float]] = deque(maxlen=STEPS_OF_RATE + 1)

    def step(self, step: float) -> None:
        """Note that a step is finished now."""
        self._seen.append((step, self._clock()))

    @property
    def seconds_per_step(self) -> float:
        """Mean over the last steps; NaN before the second."""
        if len(self._seen) < 2:
            return float("nan")
        (first, began), (last, now) = self._seen[0], self._seen[-1]
        return (now - began) / (last - first)

    @property
    def seconds_left(self) -> float:
        """Time to the last step at this pace; NaN before the second step."""
        step = self._seen[-1][0] if self._seen else 0
        return (self.steps - step) * self.seconds_per_step


def words(row: Mapping[str, float], pace: Pace) -> str:
    """Put a step in words: seconds per step, loss, match, time left; the pace once it is known."""
    numbers = f"loss {number(row.get('loss'))}  match {number(row.get('match'))}"
    rate = pace.seconds_per_step
    if math.isnan(rate):
        return numbers
    return f"{number(rate)} s/step  {numbers}  {duration(pace.seconds_left)} left"


class Lines:
    """A line now and then: for files, pipes and logs of clusters.

    Parameters
    ----------
    console
        Where to.
    clock
        Seconds from anywhere, growing.
    several
        Whether several pieces of work go on at once: every line then names its own.
    """

    def __init__(
        self, console: Console, clock: Callable[[], float] = time.monotonic, several: bool = False
    ) -> None:
        self._console, self._clock, self._several = console, clock, several

    def started(self, name: str, total: int, what: str) -> "WorkLines":
        """Name the work."""
        self._console.print(f"{name}: {total} {what}")
        return WorkLines(
            self._console, self._clock, name, total, f"{name}: " if self._several else "  "
        )


class WorkLines:
    """Lines about one piece of work, each after a prefix."""

    def __init__(
        self, console: Console, clock: Callable[[], float], name: str, total: int, prefix: str
    ) -> None:
        self._console, self._clock, self._name, self._prefix = console, clock, name, prefix
        self._pace = Pace(total, clock)
        self._last = float("-inf")

    def note(self, text: str) -> None:
        """Print the note."""
        self._console.print(f"{self._prefix}{text}")

    def prepared(self, what: str, done: int, total: int) -> None:
        """Print the count, at its end and now and then before."""
        if done == total or self._is_time():
            self._console.print(f"{self._prefix}{what} {done}/{total}")

    def step(self, row: Mapping[str, float]) -> None:
        """Print the step if it is the last, or none was printed for a while."""
        self._pace.step(row["step"])
        if row["step"] >= self._pace.steps or self._is_time():
            place = f"step {row['step']:.0f}/{self._pace.steps}"
            self._console.print(f"{self._prefix}{place}  {words(row, self._pace)}")

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Print what came out."""
        self._console.print(f"{self._name}: {_summary(summary)}")

    def _is_time(self) -> bool:
        now = self._clock()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return False
        self._last = now
        return True


class BarsOfWork:
    """A bar that moves, for each piece of work that goes on."""

    def __init__(self, progress: Bars) -> None:
        self._progress = progress

    def started(self, name: str, total: int, what: str) -> "Bar":  # noqa: ARG002  a bar counts
        """Show nothing yet."""
        return Bar(self._progress, name, total)


class Bar:
    """The bar of one piece of work."""

    def __init__(self, progress: Bars, name: str, total: int) -> None:
        self._progress, self._name = progress, name
        self._pace = Pace(total)
        self._task: TaskID | None = None

    def note(self, text: str) -> None:
        """Print the note above the bar."""
        self._progress.print(text)

    def prepared(self, what: str, done: int, total: int) -> None:
        """Show the count of null, ceiling or images as a bar."""
        self._show(f"{self._name} {what}", done, total, "")

    def step(self, row: Mapping[str, float]) -> None:
        """Move the bar."""
        self._pace.step(row["step"])
        self._show(self._name, row["step"], self._pace.steps, words(row, self._pace))

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Leave a line in place of the bar."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._progress.print(f"{self._name}: {_summary(summary)}")

    def _show(self, description: str, done: float, total: int, text: str) -> None:
        if self._task is None:
            self._task = self._progress.add_task(description, total=total, words=text)
        self._progress.update(
            self._task, description=description, completed=done, total=total, words=text
        )


def _summary(summary: Mapping[str, Any]) -> str:
    return ", ".join(
        f"{key} {number(value) if isinstance(value, float) else value}"
        for key, value in summary.items()
    )


def bars_on(console: Console) -> Bars:
    """Make bars for a terminal, that leave no trace; beside each stands its field `words`."""
    return Bars(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
        transient=True,
    )


@contextmanager
def shown(console: Console, several: bool = False) -> Iterator[StudyProgress]:
    """Give the way of telling that suits the console, and several pieces of work at once."""
    if not console.is_terminal:
        yield Lines(console, several=several)
        return
    with bars_on(console) as bars:
        yield BarsOfWork(bars)


def in_a_log() -> StudyProgress:
    """Tell by lines, for the log of a task on a cluster, whose images follow its search."""
    return Lines(printed(), several=True)

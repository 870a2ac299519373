"""Progress of searches and counts: bars in a terminal, plain lines anywhere else."""

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from mrd.cli.tables import console as new_console
from mrd.cli.tables import duration, number
from mrd.generate.progress import StudyProgress

SECONDS_BETWEEN_LINES = 5.0
STEPS_OF_RATE = 20  # the rate is that of the last steps; the first one compiles and is slow

Clock = Callable[[], float]
Counter = Callable[[str, int, int], None]


class Pace:
    """Measures the seconds per step over the last steps, and predicts the remaining time."""

    def __init__(self, steps: int, clock: Clock = time.monotonic) -> None:
        self.steps = steps
        self._clock = clock
        self._seen: deque[tuple[float, float]] = deque(maxlen=STEPS_OF_RATE + 1)

    def step(self, step: float) -> None:
        """Record that a step has just finished."""
        self._seen.append((step, self._clock()))

    @property
    def seconds_per_step(self) -> float:
        """Mean over the last steps; NaN before the second step."""
        if len(self._seen) < 2:
            return float("nan")
        (first, began), (last, now) = self._seen[0], self._seen[-1]
        return (now - began) / (last - first)

    @property
    def seconds_left(self) -> float:
        """Time until the last step at this pace; NaN before the second step."""
        step = self._seen[-1][0] if self._seen else 0
        return (self.steps - step) * self.seconds_per_step


class _Timer:
    """Decides when to print another line: at most one every few seconds."""

    def __init__(self, clock: Clock, last: float) -> None:
        self._clock, self._last = clock, last

    def is_due(self) -> bool:
        now = self._clock()
        if now - self._last < SECONDS_BETWEEN_LINES:
            return False
        self._last = now
        return True


def _step_words(row: Mapping[str, float], pace: Pace) -> str:
    """Return speed, loss, match and remaining time of a search in words."""
    numbers = f"loss {number(row.get('loss'))}  match {number(row.get('match'))}"
    rate = pace.seconds_per_step
    if math.isnan(rate):
        return numbers
    return f"{number(rate)} s/step  {numbers}  {duration(pace.seconds_left)} left"


def _summary_words(summary: Mapping[str, Any]) -> str:
    """Return the results of an ended job in words."""
    return ", ".join(
        f"{key} {number(value) if isinstance(value, float) else value}"
        for key, value in summary.items()
    )


class Lines:
    """Progress as lines, for files, pipes and logs of clusters.

    With `several` tasks at the same time, every line begins with the name of its task.
    """

    def __init__(
        self, console: Console, clock: Clock = time.monotonic, several: bool = False
    ) -> None:
        self._console, self._clock, self._several = console, clock, several

    def started(self, name: str, total: int, what: str) -> "TaskLines":
        """Print the name of a task."""
        self._console.print(f"{name}: {total} {what}")
        return TaskLines(
            self._console, self._clock, name, total, f"{name}: " if self._several else "  "
        )


class TaskLines:
    """Lines about one task, each after a prefix."""

    def __init__(self, console: Console, clock: Clock, name: str, total: int, prefix: str) -> None:
        self._console, self._name, self._prefix = console, name, prefix
        self._pace = Pace(total, clock)
        self._timer = _Timer(clock, float("-inf"))

    def note(self, text: str) -> None:
        """Print the note."""
        self._console.print(f"{self._prefix}{text}")

    def prepared(self, what: str, done: int, total: int) -> None:
        """Print the count every few seconds, and at its end."""
        if done == total or self._timer.is_due():
            self.note(f"{what} {done}/{total}")

    def step(self, row: Mapping[str, float]) -> None:
        """Print the step every few seconds, and the last one."""
        self._pace.step(row["step"])
        if row["step"] >= self._pace.steps or self._timer.is_due():
            place = f"step {row['step']:.0f}/{self._pace.steps}"
            self.note(f"{place}  {_step_words(row, self._pace)}")

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Print the result."""
        self._console.print(f"{self._name}: {_summary_words(summary)}")


class Bars:
    """Progress as bars, one for each task that is running."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def started(self, name: str, total: int, what: str) -> "TaskBar":  # noqa: ARG002
        """Return a bar, which appears when the first progress is reported."""
        return TaskBar(self._progress, name, total)


class TaskBar:
    """The bar of one task."""

    def __init__(self, progress: Progress, name: str, total: int) -> None:
        self._progress, self._name = progress, name
        self._pace = Pace(total)
        self._task: TaskID | None = None

    def note(self, text: str) -> None:
        """Print the note above the bar."""
        self._progress.print(text)

    def prepared(self, what: str, done: int, total: int) -> None:
        """Show how many renders of null, ceiling or images (`what`) are finished."""
        self._show(f"{self._name} {what}", done, total, "")

    def step(self, row: Mapping[str, float]) -> None:
        """Move the bar."""
        self._pace.step(row["step"])
        self._show(self._name, row["step"], self._pace.steps, _step_words(row, self._pace))

    def finished(self, summary: Mapping[str, Any]) -> None:
        """Replace the bar by a line."""
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
        self._progress.print(f"{self._name}: {_summary_words(summary)}")

    def _show(self, description: str, done: float, total: int, words: str) -> None:
        """Update the bar, which is added at the first call."""
        if self._task is None:
            self._task = self._progress.add_task(description, total=total, words=words)
        self._progress.update(
            self._task, description=description, completed=done, total=total, words=words
        )


def bars_on(console: Console) -> Progress:
    """Return bars that disappear at the end; each shows its field `words` on the right."""
    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        MofNCompleteColumn(),
        TextColumn("{task.fields[words]}", markup=False),
        console=console,
        transient=True,
    )


@contextmanager
def search_progress(console: Console, several: bool = False) -> Iterator[StudyProgress]:
    """Show the progress of searches and of their images: bars in a terminal, else lines."""
    if console.is_terminal:
        with bars_on(console) as bars:
            yield Bars(bars)
    else:
        yield Lines(console, several=several)


def log_progress() -> StudyProgress:
    """Return progress as lines for the log of a cluster task."""
    return Lines(new_console(), several=True)


@contextmanager
def counter(console: Console) -> Iterator[Counter]:
    """Yield a function of (what, done, total) that shows count, rate and remaining time."""
    current, pace = "", Pace(0)

    def words(what: str, done: int, total: int) -> str:
        nonlocal current, pace
        if what != current:
            current, pace = what, Pace(total)
        pace.step(done)
        rate = pace.seconds_per_step
        return f"{1 / rate:.3g}/s  {duration(pace.seconds_left)} left" if rate > 0 else ""

    if console.is_terminal:
        with bars_on(console) as bars:
            task = bars.add_task("", total=1, words="")
            yield lambda what, done, total: bars.update(
                task, description=what, completed=done, total=total, words=words(what, done, total)
            )
        return
    timer = _Timer(time.monotonic, time.monotonic())

    def line(what: str, done: int, total: int) -> None:
        text = words(what, done, total)
        if timer.is_due() or done == total:
            console.print(f"  {what} {done}/{total}  {text}".rstrip())

    yield line

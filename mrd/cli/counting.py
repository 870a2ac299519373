"""How a count goes: a bar in a terminal, plain lines with rate and time left anywhere else."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress as Bars
from rich.progress import TaskID

from mrd.cli.progress import SECONDS_BETWEEN_LINES, Pace, bars_on
from mrd.cli.tables import duration

Told = Callable[[str, int, int], None]


@contextmanager
def counted(console: Console) -> Iterator[Told]:
    """Give a function that is told (what, done, of how many), and shows it.

    Parameters
    ----------
    console
        Where it is shown.
    """
    if not console.is_terminal:
        yield _Lines(console).told
        return
    with bars_on(console) as bars:
        yield _Bar(bars).told


class _Count:
    """The pace of one thing that is counted."""

    def __init__(self) -> None:
        self._what = ""
        self._pace = Pace(0)

    def words(self, what: str, done: int, total: int) -> str:
        """Rate and time left; a new thing begins a new pace."""
        if what != self._what:
            self._what, self._pace = what, Pace(total)
        self._pace.step(done)
        seconds = self._pace.seconds_per_step
        if not seconds > 0:
            return ""
        return f"{1 / seconds:.3g}/s  {duration(self._pace.seconds_left)} left"


class _Lines(_Count):
    """A line now and then, and one at the end."""

    def __init__(self, console: Console) -> None:
        super().__init__()
        self._console = console
        self._last = time.monotonic()

    def told(self, what: str, done: int, total: int) -> None:
        words, now = self.words(what, done, total), time.monotonic()
        if done == total or now - self._last >= SECONDS_BETWEEN_LINES:
            self._last = now
            self._console.print(f"  {what} {done}/{total}  {words}".rstrip())


class _Bar(_Count):
    """A bar that moves."""

    def __init__(self, bars: Bars) -> None:
        super().__init__()
        self._bars = bars
        self._task: TaskID = bars.add_task("", total=1, words="")

    def told(self, what: str, done: int, total: int) -> None:
        words = self.words(what, done, total)
        self._bars.update(self._task, description=what, completed=done, total=total, words=words)

"""Time of a search step beside one and two busy programs, relative to its time alone.

The same search makes its steps alone, beside one busy loop, beside two, and again, ROUNDS times.
The loops have a session of their own, as the programs of other people have: Linux shares processors
between sessions. The slow steps before the threads have adapted count. Prints
``busy_one`` and ``busy_two``, mean seconds of a step beside them ÷ alone, and ``adapted_alone``,
alone ÷ alone with all threads.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import fmean
from typing import TYPE_CHECKING

from benchmarks.figure import figure

if TYPE_CHECKING:
    from mrd.search.loop import Search

ROUNDS = 3
SECONDS = 20  # of a measurement
WARM_UP = 20  # kernels are compiled in the first steps


def main() -> None:
    """Time steps of a shape search beside busy loops."""
    from mrd.rendering import backend

    backend.activate()
    from benchmarks.clock import timed
    from benchmarks.subject import search_by_head, shape_search

    search = search_by_head(shape_search(remeshing=None, steps=100_000))
    for _ in range(WARM_UP):
        search.step()

    seconds: dict[str, list[float]] = {"all threads": [], "0": [], "1": [], "2": []}
    for _ in range(ROUNDS):
        seconds["all threads"] += during(lambda: timed(search.step))
        for loops in range(3):
            with busy_loops(loops):
                seconds[str(loops)] += adapted(search)
    means = {name: fmean(values) for name, values in seconds.items()}
    figure("busy_one", means["1"] / means["0"], seconds=means)
    figure("busy_two", means["2"] / means["0"])
    figure("adapted_alone", means["0"] / means["all threads"])


def adapted(search: Search) -> list[float]:
    """Return the seconds of the steps of a search that adapts its threads; then restore these."""
    steps = search.steps()
    found = during(lambda: next(steps).seconds)
    steps.close()
    return found


def during(step: Callable[[], float]) -> list[float]:
    """Return the seconds of the steps that SECONDS allow."""
    began, found = time.perf_counter(), []
    while time.perf_counter() - began < SECONDS:
        found.append(step())
    return found


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """Run so many programs that keep a processor busy."""
    command = [sys.executable, "-c", "while True: pass"]
    loops = [subprocess.Popen(command, start_new_session=True) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


if __name__ == "__main__":
    main()

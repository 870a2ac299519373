"""Growth of memory in a long search: the process at step 1000 ÷ at step 50."""

from __future__ import annotations

import psutil

from benchmarks.figure import figure

EARLY, LATE = 50, 1000


def main() -> None:
    """Run a shape search of 1000 steps, at the size of the other benchmarks."""
    from mrd.rendering import backend

    backend.activate()
    from benchmarks.subject import search_by_head, shape_search

    # Without remeshing: a finer mesh would take more memory.
    search = search_by_head(shape_search(steps=LATE, remeshing=None))
    process = psutil.Process()
    megabytes = {}
    for step in search.steps():
        if step.step in (EARLY, LATE):
            megabytes[step.step] = process.memory_info().rss / 2**20
    figure("memory_growth", megabytes[LATE] / megabytes[EARLY], megabytes=megabytes)


if __name__ == "__main__":
    main()

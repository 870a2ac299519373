"""Compare two workers with one on two processors: runs per hour of the same study.

Prints ``workers_ratio``: seconds of ``mrd generate`` with one worker ÷ with two, on copies of a
study of eight equal material searches. The first search of each runs before the clock starts, so
that nulls and compiled kernels exist for both. Also ``workers_scaling``: the same, with the one
worker bound to one processor, like each of the two (Linux).
"""

from __future__ import annotations

import io
import os
import tempfile
import time
from pathlib import Path

from rich.console import Console

from benchmarks.figure import figure

RUNS = 8
STEPS = 100
STUDY = """\
name: workers
targets:
  bunny: {{scene: bunny, cameras: {{kind: ring, count: 4, held_out: 1}}}}
models:
  lite: {{network: efficientnet_lite0, layers: [blocks.0, blocks.2]}}
searches:
  paint:
    attributes: [material]
    steps: {steps}
    seeds: {seeds}
    criterion: {{null: 9}}
"""


def main() -> None:
    """Run the same study with one worker and with two."""
    seconds = {f"{workers} of two processors": timed(workers) for workers in (1, 2)}
    alone, both = seconds.values()
    figure("workers_ratio", alone / both, runs_per_hour=per_hour(seconds))
    if hasattr(os, "sched_setaffinity"):
        every = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {min(every)})  # inherited by its processes
        try:
            seconds["1 of one processor"] = timed(1)
        finally:
            os.sched_setaffinity(0, every)
        scaling = seconds["1 of one processor"] / both
        figure("workers_scaling", scaling, runs_per_hour=per_hour(seconds))


def per_hour(seconds: dict[str, float]) -> dict[str, float]:
    """Return searches per hour."""
    return {name: 3600 * (RUNS - 1) / each for name, each in seconds.items()}


def timed(workers: int) -> float:
    """Return the seconds of all runs except the first, which runs before."""
    from mrd.cli.progress import Lines
    from mrd.generate import study_runs
    from mrd.study.study import read_study

    quiet = Lines(Console(file=io.StringIO()))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in (1, RUNS):
            text = STUDY.format(steps=STEPS, seeds=list(range(1, count + 1)))
            (folder / "study.yaml").write_text(text, encoding="utf-8")
            began = time.perf_counter()
            outcomes = study_runs.generate(read_study(folder), quiet, workers)
            for outcome in outcomes:
                if outcome.failure:
                    raise RuntimeError(f"{outcome.name}: {outcome.failure}")
        return time.perf_counter() - began


if __name__ == "__main__":
    main()

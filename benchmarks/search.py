"""Compare the progress over time of the search and of the seed paper's loop.

Both have the same scene, network, front end and start (a sphere of radius 1, in which the bunny
just fits). Every run has its own process; scoring is not timed. Progress is
p = (s − s_start) / (s_ceiling − s_start).

Prints ``search_time_ratio``: baseline's seconds to p = .17 ÷ ours, median over the seeds; and
``search_progress``: our progress when the baseline reaches .17, median over the seeds.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from statistics import median

from benchmarks.figure import figure

MILESTONE = 0.17
LIMIT = 300.0  # seconds; if the baseline needs longer, the ratio is a lower bound
SEEDS = (1, 2, 3)


def ours(seed: int, until: float, radius: float) -> Iterator[tuple[float, float]]:
    """Yield (busy seconds, progress) of the search at growing intervals, for ``until`` seconds."""
    import numpy as np

    from benchmarks.subject import VIEWS, Score, network, scenes_of, shape_search
    from mrd.criterion.bench import Bench, display_images
    from mrd.rendering.to_mitsuba import form_of
    from mrd.search.loop import Search
    from mrd.search.match import Match
    from mrd.search.soft_phase import soft_phases
    from mrd.search.step import LazyActivations
    from scenes.camera import cameras

    search = shape_search(radius)
    target, start = scenes_of(search)
    score = Score(target, start)
    model = network(LAYERS)
    began = time.perf_counter()
    views = cameras(target.cameras)
    # Other images than those of the score: fitted noise must not count as progress.
    bench = Bench(model, form_of(target))
    activations = LazyActivations(
        lambda: model.activations(
            display_images(bench.stage(target), views, search.samples.score, noise=2)
        )
    )
    rng = np.random.default_rng(seed)
    soft = soft_phases(target, search, bench, views)
    run = Search(start, activations, views[:VIEWS], bench, search, rng, Match(), soft=soft)
    busy = time.perf_counter() - began
    scored_at = busy
    for step in run.steps():
        busy += step.seconds
        last = step.step == search.steps or busy > until
        if busy > 1.1 * scored_at or last:
            scored_at = busy
            yield busy, score.progress(run.scene())
        if last:
            return


def theirs(seed: int, radius: float) -> Iterator[tuple[float, float]]:
    """Yield (busy seconds, progress) of the baseline after every step, up to the milestone."""
    from benchmarks.baseline import baseline
    from benchmarks.subject import SCORING_LAYER, Score, network, scenes_of, shape_search

    target, start = scenes_of(shape_search(radius))
    score = Score(target, start)
    for busy, scene in baseline(target, start, network((SCORING_LAYER,)), seed):
        progress = score.progress(scene)
        yield busy, progress
        if progress >= MILESTONE or busy > LIMIT:
            return


# The search matches layers of several depths, including the scored last feature map; the baseline
# matches only the last feature map, like the seed paper's loop. Both are scored on it.
LAYERS = ("blocks.4", "blocks.7", "blocks.10", "blocks.14", "head")


def in_process(
    loop: str, seed: int, radius: float, until: float = LIMIT
) -> list[tuple[float, float]]:
    """Return (busy seconds, progress) over one run in a new process."""
    command = [sys.executable, "-m", "benchmarks.search", "--loop", loop, "--seed", str(seed)]
    command += ["--until", str(until), "--radius", str(radius)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [tuple(json.loads(line)) for line in out.splitlines()]


def seconds_to(course: list[tuple[float, float]]) -> float | None:
    """Return the first time at or past the milestone."""
    return next((busy for busy, progress in course if progress >= MILESTONE), None)


def main() -> None:
    """Run both loops on every seed, or the requested one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", choices=("ours", "theirs"))
    parser.add_argument("--seed", type=int, default=SEEDS[0])
    parser.add_argument("--until", type=float, default=LIMIT)
    parser.add_argument("--radius", type=float, default=1.0, help="of the start sphere")
    arguments = parser.parse_args()
    if arguments.loop:
        from mrd.rendering import backend

        backend.activate()
        import mitsuba as mi

        mi.set_log_level(mi.LogLevel.Error)  # the baseline's settings make it warn at every step
        course = (
            ours(arguments.seed, arguments.until, arguments.radius)
            if arguments.loop == "ours"
            else theirs(arguments.seed, arguments.radius)
        )
        for row in course:
            print(json.dumps(row), flush=True)
        return

    ratios, reached, bounded = [], [], False
    for seed in SEEDS:
        their_seconds = seconds_to(in_process("theirs", seed, arguments.radius))
        bounded |= their_seconds is None
        moment = their_seconds or LIMIT
        ours_course = in_process("ours", seed, arguments.radius, until=moment)
        sooner = seconds_to(ours_course) or LIMIT
        ratios.append(moment / sooner)
        reached.append(ours_course[-1][1])
        figure("baseline_seconds", moment, seed=seed)
        figure("search_seconds", sooner, seed=seed)
    figure("search_time_ratio", median(ratios), seeds=ratios, lower_bound=bounded)
    figure("search_progress", median(reached), seeds=reached)


if __name__ == "__main__":
    main()

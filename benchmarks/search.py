"""How much sooner the search gets somewhere than the seed paper's loop, and how much further.

Same scene, network, front end and start (a sphere of radius 1, in which the bunny just fits);
every run in a process of its own; the score is taken outside the timed part. Progress is
p = (s − s_start) / (s_ceiling − s_start).

Prints ``search_time_ratio``: baseline's seconds to p = .17 ÷ ours, median over the seeds; and
``search_progress``: ours at the moment when the baseline reaches .17, median over the seeds.
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
LIMIT = 300.0  # seconds; a baseline that is not there by then makes the ratio a lower bound
SEEDS = (1, 2, 3)


def ours(seed: int, until: float, radius: float) -> Iterator[tuple[float, float]]:
    """(busy seconds, progress) of the search, at growing distances, up to ``until`` seconds."""
    import numpy as np

    from benchmarks.subject import VIEWS, Score, network, scenes_of, shape_search
    from mrd.criterion.bench import Bench, display_images
    from mrd.rendering.to_mitsuba import form_of
    from mrd.search.loop import Search
    from mrd.search.match import Match
    from scenes.camera import cameras

    search = shape_search(radius)
    target, start = scenes_of(search)
    score = Score(target, start)
    model = network(LAYERS)
    began = time.perf_counter()
    views = cameras(target.cameras)
    # Not the images that the score compares with: fitted noise must earn no progress.
    bench = Bench(model, form_of(target.material))
    images = display_images(bench.stage(target), views, search.samples.score, noise=2)
    activations = model.activations(images)
    rng = np.random.default_rng(seed)
    run = Search(start, activations, views[:VIEWS], bench, search, rng, Match())
    busy = time.perf_counter() - began
    looked = busy
    for step in run.steps():
        busy += step.seconds
        last = step.step == search.steps or busy > until
        if (step.step % 2 == 0 and busy > 1.1 * looked) or last:
            looked = busy
            yield busy, score.progress(run.scene())
        if last:
            return


def theirs(seed: int, radius: float) -> Iterator[tuple[float, float]]:
    """(busy seconds, progress) of the baseline, after every step until it is there."""
    from benchmarks.baseline import baseline
    from benchmarks.subject import SCORING_LAYER, Score, network, scenes_of, shape_search

    target, start = scenes_of(shape_search(radius))
    score = Score(target, start)
    for busy, scene in baseline(target, start, network((SCORING_LAYER,)), seed):
        progress = score.progress(scene)
        yield busy, progress
        if progress >= MILESTONE or busy > LIMIT:
            return


# The search matches several depths of the network at once, the scored last feature map among them;
# the baseline, as the seed paper's loop does, the last one alone. Both are scored on the last.
LAYERS = ("blocks.4", "blocks.7", "blocks.10", "blocks.14", "head")


def in_process(
    loop: str, seed: int, radius: float, until: float = LIMIT
) -> list[tuple[float, float]]:
    """The course of one run, made in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.search", "--loop", loop, "--seed", str(seed)]
    command += ["--until", str(until), "--radius", str(radius)]
    out = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    return [tuple(json.loads(line)) for line in out.splitlines()]


def seconds_to(course: list[tuple[float, float]]) -> float | None:
    """First time at or past the milestone."""
    return next((busy for busy, progress in course if progress >= MILESTONE), None)


def main() -> None:
    """Run both loops on every seed, or one of them as asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loop", choices=("ours", "theirs"))
    parser.add_argument("--seed", type=int, default=SEEDS[0])
    parser.add_argument("--until", type=float, default=LIMIT)
    parser.add_argument("--radius", type=float, default=1.0, help="of the start sphere")
    asked = parser.parse_args()
    if asked.loop:
        from mrd.rendering import backend

        backend.activate()
        import mitsuba as mi

        mi.set_log_level(mi.LogLevel.Error)  # the baseline's settings make it warn at every step
        course = (
            ours(asked.seed, asked.until, asked.radius)
            if asked.loop == "ours"
            else theirs(asked.seed, asked.radius)
        )
        for row in course:
            print(json.dumps(row), flush=True)
        return

    ratios, reached, bounded = [], [], False
    for seed in SEEDS:
        there = seconds_to(in_process("theirs", seed, asked.radius))
        bounded |= there is None
        moment = there or LIMIT
        ours_course = in_process("ours", seed, asked.radius, until=moment)
        sooner = seconds_to(ours_course) or LIMIT
        ratios.append(moment / sooner)
        reached.append(ours_course[-1][1])
        figure("baseline_seconds", moment, seed=seed)
        figure("search_seconds", sooner, seed=seed)
    figure("search_time_ratio", median(ratios), seeds=ratios, lower_bound=bounded)
    figure("search_progress", median(reached), seeds=reached)


if __name__ == "__main__":
    main()

"""Forecast of a study's remaining work: how many searches and images, how long, how much disk.

Speeds come from the study's own finished runs and images. Before the first run they come from a few
small renders, and the steps of a search are a rough guess.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from mrd.study.image_directory import TIMING, ImageDirectory
from mrd.study.resolved_run import ResolvedRun
from mrd.study.resolved_study import ResolvedStudy, resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import Study
from mrd.workflow.speed import (
    Speed,
    reference_key,
    speed_of_renders,
    speed_of_runs,
    with_network,
)
from mrd.workflow.standings import ImagesStatus, RunStatus
from mrd.workflow.work_amounts import Work, image_work, pixels_of, search_work, step_work

# An EXR of three float16 channels hardly shrinks, because of noise; a PNG takes about half.
BYTES_PER_PIXEL = 8.0

ROUGH_GUESS = "a rough guess, because not all searches have timed steps"


@dataclass(frozen=True)
class Forecast:
    """The remaining work of a study.

    Attributes
    ----------
    searches, images
        Numbers of remaining searches and images.
    all_searches, all_images
        Numbers of all searches and images.
    seconds
        Expected time with one worker, which has all processors.
    bytes
        Expected size of the remaining images.
    basis
        What the expected times of steps, and of everything else, are based on, in words.
    """

    searches: int
    all_searches: int
    images: int
    all_images: int
    seconds: float
    bytes: float
    basis: str


@dataclass(frozen=True)
class _Pace:
    """Speed and number of steps in the runs of one search and model."""

    seconds_per_pixel: float
    steps: float | None  # median of finished runs, which may stop early; None before the first


def forecast(
    study: Study | ResolvedStudy,
    statuses: Sequence[RunStatus],
    shared: Sequence[ImagesStatus],
) -> Forecast:
    """Forecast the remaining work of a study.

    Parameters
    ----------
    study
        The study, or the same study resolved.
    statuses, shared
        Status of its runs and of its families' images (`mrd.workflow.standings`).
    """
    resolved = resolve_study(study)
    folder = resolved.study.runs
    remaining = [each for each in statuses if each.status != "done"]
    wanted = [(each.images, each.run) for each in statuses if each.images is not None]
    wanted += [(each, resolved.families[each.name.removeprefix("families/")]) for each in shared]
    missing = {images.name: images.total - images.done for images, _ in wanted}
    work_of_images = [image_work(run, missing[images.name]) for images, run in wanted]
    directories = [RunDirectory(folder / each.run.name) for each in statuses]

    paces = _paces(statuses, directories)
    images_done = _totals(folder)
    measured = speed_of_runs(statuses, directories)
    needs_trial = (remaining and not measured) or (any(missing.values()) and not images_done)
    trial = speed_of_renders(resolved.runs[0]) if needs_trial else None
    speed = measured or trial or Speed()

    searching = _seconds_of_searches(remaining, statuses, paces, speed, trial is not None)
    if images_done:
        processes = sum(work.processes for work in work_of_images)
        samples = sum(work.samples for work in work_of_images)
        rendering = processes * speed.process
        rendering += samples * images_done["seconds"] / images_done["samples"]
    else:
        rendering = speed.seconds(sum(work_of_images, Work()))
    room = images_done["bytes"] / images_done["pixels"] if images_done else BYTES_PER_PIXEL
    pixels = sum(missing[images.name] * pixels_of(run) for images, run in wanted)
    guessed = any(_kind(each.run) not in paces for each in remaining)
    return Forecast(
        searches=len(remaining),
        all_searches=len(statuses),
        images=sum(missing.values()),
        all_images=sum(images.total for images, _ in wanted),
        seconds=searching + rendering,
        bytes=pixels * room,
        basis="time of the steps: "
        + (ROUGH_GUESS if guessed else "measured in earlier steps")
        + "; of everything else: "
        + (
            "measured with a few small renders"
            if trial
            else "measured in earlier runs and images"
            if measured or images_done
            else "that of a typical computer"
        ),
    )


def _kind(run: ResolvedRun) -> tuple[str, str]:
    """Return the search and model of a run: runs that share them have the same pace."""
    return run.spec.search, run.spec.model


def _seconds_of_searches(
    remaining: Sequence[RunStatus],
    statuses: Sequence[RunStatus],
    paces: dict[tuple[str, str], _Pace],
    speed: Speed,
    is_trial: bool,
) -> float:
    """Return the expected seconds of all remaining searches, from start-up to scoring."""
    # A search that has made a step has its null and ceiling, which the other seeds use too.
    referenced = {reference_key(each.run) for each in statuses if each.step}
    of_network: dict[tuple[str, int], Speed] = {}
    seconds = 0.0
    for each in remaining:
        run = each.run
        if is_trial:
            key = (run.spec.model, pixels_of(run))
            if key not in of_network:
                of_network[key] = with_network(speed, run)
            speed = of_network[key]
        work = search_work(run, has_references=reference_key(run) in referenced)
        referenced.add(reference_key(run))
        if each.step:
            work.pop("changes", None)  # they are in the saved state
        seconds += speed.seconds(sum(work.values(), Work()))
        pace = paces.get(_kind(run))
        steps = pace.steps if pace and pace.steps else run.search.total_steps
        if pace:
            per_step = pace.seconds_per_pixel * pixels_of(run)
        else:
            per_step = speed.seconds_of_step(step_work(run))
        seconds += max(steps - each.step, 0) * per_step
    return seconds


def _paces(
    statuses: Sequence[RunStatus], directories: Sequence[RunDirectory]
) -> dict[tuple[str, str], _Pace]:
    """Return the pace of each search and model that has made steps."""
    seconds: dict[tuple[str, str], list[float]] = {}
    counts: dict[tuple[str, str], list[int]] = {}
    for each, directory in zip(statuses, directories, strict=True):
        rows = directory.history()
        seconds.setdefault(_kind(each.run), []).extend(
            row["seconds"] / pixels_of(each.run)
            for row in rows[1:]  # the first step compiles
        )
        if each.status == "done":
            counts.setdefault(_kind(each.run), []).append(len(rows))
    return {
        kind: _Pace(median(known), median(counts[kind]) if kind in counts else None)
        for kind, known in seconds.items()
        if known
    }


def _totals(folder: Path) -> dict[str, float]:
    """Return samples, seconds, pixels and bytes of all timed images; empty if there are none."""
    timings = [ImageDirectory(path.parent).timing() for path in folder.glob(f"**/{TIMING}")]
    totals = {
        name: math.fsum(each.get(name, 0.0) for each in timings)
        for name in ("samples", "seconds", "pixels", "bytes")
    }
    return totals if all(totals.values()) else {}

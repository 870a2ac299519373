"""How much work is left in a study, how long it takes and what room: a forecast.

Times come from what was measured on this study's own runs; where nothing was, from one small
render, and from a rough figure for a step, which is said.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from mrd.rendering import backend
from mrd.study import image_directory
from mrd.study.run_directory import RunDirectory
from mrd.study.study import ResolvedRun, Study
from mrd.workflow.standings import ImagesStanding, Standing
from scenes.camera import cameras

# One view of 128² with a small network on two processors, seconds; three times it, or a third, are
# no surprise.
ROUGH_STEP = 0.15
ROUGH_SIDE = 128
ROUGH_PIXELS = ROUGH_SIDE**2
# An EXR of three float16 channels hardly shrinks, noise does not; a PNG takes about half.
ROUGH_BYTES_A_PIXEL = 8.0

# A step of L-BFGS looks 1 to 8 times at all training cameras.
EVALUATIONS_OF_LBFGS = 4

TRIAL_SAMPLES = 16

JUDGED_SCENES = 5  # target, what the search aims at, start, result, turntable


@dataclass(frozen=True)
class Forecast:
    """What is left to do.

    Attributes
    ----------
    searches, images
        How many of each are left.
    all_searches, all_images
        How many there are.
    seconds
        Expected of one worker, which has all processors; several are faster by what a search
        leaves idle.
    bytes
        Of the images that are left.
    basis
        What the expectation stands on, in words.
    """

    searches: int
    all_searches: int
    images: int
    all_images: int
    seconds: float
    bytes: float
    basis: str


def forecast(
    study: Study, standings: Sequence[Standing], shared: Sequence[ImagesStanding]
) -> Forecast:
    """Forecast what is left of a study.

    Parameters
    ----------
    study
        The study.
    standings, shared
        Where its runs and its families stand (`mrd.workflow.standings`).
    """
    left = [each for each in standings if each.status != "done"]
    family = {each.run.spec.family: each.run for each in standings}
    wanted = [(each.images, each.run) for each in standings if each.images is not None]
    wanted += [(each, family[each.name.removeprefix("families/")]) for each in shared]
    rate, room, rate_basis = _rate(study, [each.run for each in standings])
    samples = sum(
        (images.total - images.done) * _pixels(run) * _quality(run) for images, run in wanted
    )
    pixels = sum((images.total - images.done) * _pixels(run) for images, run in wanted)
    reference = _reference_samples(left, standings)
    steps, step_basis = _seconds_of_steps(study, left, standings)
    seconds = steps + (samples + reference) / rate
    return Forecast(
        searches=len(left),
        all_searches=len(standings),
        images=sum(images.total - images.done for images, _ in wanted),
        all_images=sum(images.total for images, _ in wanted),
        seconds=seconds,
        bytes=pixels * room,
        basis=f"{step_basis}; {rate_basis}",
    )


def _pixels(run: ResolvedRun) -> int:
    return int(run.target.cameras.resolution) ** 2


def _quality(run: ResolvedRun) -> int:
    return run.series.config.samples if run.series is not None else 0


def _reference_samples(left: Sequence[Standing], standings: Sequence[Standing]) -> int:
    """Samples of nulls and ceilings, which seeds share, and of the images that runs judge."""
    # A search begins when its references are there.
    there = {_key(each) for each in standings if each.step or each.status == "done"}
    to_come = {_key(each): each.run for each in left if _key(each) not in there}
    shared = sum(
        (run.search.criterion.null + run.search.criterion.ceiling) * _scene_samples(run)
        for run in to_come.values()
    )
    return shared + sum(JUDGED_SCENES * _scene_samples(each.run) for each in left)


def _key(standing: Standing) -> tuple[str, str, str]:
    """What runs share that have one null, one ceiling: all but the seed."""
    spec = standing.run.spec
    return spec.target, spec.search, spec.model


def _scene_samples(run: ResolvedRun) -> int:
    """Samples of one scene at scoring quality, from every camera."""
    return len(cameras(run.target.cameras)) * _pixels(run) * run.search.samples.score


def _seconds_of_steps(
    study: Study, left: Sequence[Standing], standings: Sequence[Standing]
) -> tuple[float, str]:
    """Seconds of the steps that are left, at the pace of the same search with the same model."""
    measured: dict[tuple[str, str], list[float]] = {}
    for each in standings:
        rows = RunDirectory(study.runs / each.run.name).history()[1:]  # the first one compiles
        measured.setdefault((each.run.spec.search, each.run.spec.model), []).extend(
            row["seconds"] / _pixels(each.run) for row in rows
        )
    seconds = 0.0
    rough = False
    for each in left:
        known = measured[each.run.spec.search, each.run.spec.model]
        rough = rough or not known
        a_pixel = median(known) if known else ROUGH_STEP * _views_of_a_step(each.run) / ROUGH_PIXELS
        seconds += (each.run.search.total_steps - each.step) * a_pixel * _pixels(each.run)
    return seconds, (
        f"a rough guess before the first run, {ROUGH_STEP:g} s a step for each render of "
        f"{ROUGH_SIDE} × {ROUGH_SIDE} pixels"
        if rough
        else "the pace of this study's own steps"
    )


def _views_of_a_step(run: ResolvedRun) -> int:
    """Renders with their gradients in one step, as far as they are known before."""
    search = run.search
    training = sum(not view.held_out for view in cameras(run.target.cameras))
    losses = search.loss.values() if isinstance(search.loss, dict) else (search.loss,)
    renders = 2 if "dual_buffer" in losses else 1
    if search.optimiser == "lbfgs":
        return EVALUATIONS_OF_LBFGS * training * renders
    return min(search.views_per_step, training) * renders


def _rate(study: Study, runs: Sequence[ResolvedRun]) -> tuple[float, float, str]:
    """Samples a second and bytes a pixel of images, and where they were measured."""
    kept = [
        image_directory.ImageDirectory(folder.parent).timing()
        for folder in study.runs.glob(f"**/{image_directory.TIMING}")
    ]
    totals = {
        name: math.fsum(each.get(name, 0.0) for each in kept)
        for name in ("samples", "seconds", "pixels", "bytes")
    }
    if all(totals.values()):
        return (
            totals["samples"] / totals["seconds"],
            totals["bytes"] / totals["pixels"],
            "the speed of this study's own images",
        )
    return _trial(runs[0]), ROUGH_BYTES_A_PIXEL, "a small render of the first target"


def _trial(run: ResolvedRun) -> float:
    """Samples a second of a small render, compiled before."""
    backend.activate()
    from mrd.rendering.stage import Stage, with_film

    stage = Stage(with_film(run.target, exposure=1.0))
    view = cameras(run.target.cameras)[0]
    stage.photographs([view], 1, 0)
    began = time.perf_counter()
    stage.photographs([view], TRIAL_SAMPLES, 1)
    return TRIAL_SAMPLES * _pixels(run) / (time.perf_counter() - began)

"""Amount of work in a search and in images: processes, renders and their samples."""

from __future__ import annotations

import math
from dataclasses import astuple, dataclass

from mrd.study.image_plan import series_of
from mrd.study.resolved_run import ResolvedRun
from scenes.camera import cameras

# Copies from mrd.search (flip, flip_result, diverge_result, control_reach, directions, insensitive)
# and the turntable, whose modules load the renderer. A test compares the numbers.
HALVINGS = 6
RANDOM_CHANGES = 5
CONTROL_SCENES = 10
CHANGE_RENDERS = 120  # of each training camera, for the smooth changes of a shape
TURNTABLE_FRAMES = 36
TURNTABLE_SAMPLES = 16

SCORED_SCENES = 4  # target as scored, target as searched, start, result
LBFGS_EVALUATIONS = 4  # a step of L-BFGS renders all training cameras 1 to 8 times


@dataclass(frozen=True)
class Work:
    """An amount of work."""

    processes: int = 0  # worker processes to start
    scenes: int = 0  # scenes to load into the renderer
    images: int = 0  # images to render
    samples: int = 0  # samples of all pixels of these images
    evaluations: int = 0  # images that the network has to see

    def __add__(self, other: Work) -> Work:
        return Work(*(a + b for a, b in zip(astuple(self), astuple(other), strict=True)))

    def __rmul__(self, count: int) -> Work:
        return Work(*(count * each for each in astuple(self)))


def pixels_of(run: ResolvedRun) -> int:
    """Return the number of pixels of one image."""
    return int(run.target.cameras.resolution) ** 2


def search_work(run: ResolvedRun, has_references: bool) -> dict[str, Work]:
    """Return the work of a search apart from its steps, by kind.

    ``start-up``: the process; ``references``: null and ceiling, unless another run computed them;
    ``scoring``: target, start, result and their previews; ``flip`` and ``reach``: the scored scenes
    of these modes; ``changes``: the renders from which `mode: diverge` computes how a shape starts.
    """
    search = run.search
    scene = _scored_scene(run)
    frames = 2 * TURNTABLE_FRAMES
    samples = frames * TURNTABLE_SAMPLES * pixels_of(run)
    turntable = Work(scenes=2, images=frames, samples=samples)
    references = 0 if has_references else search.criterion.null + search.criterion.ceiling
    amounts = {
        "start-up": Work(processes=1),
        "references": references * scene,
        "scoring": SCORED_SCENES * scene + turntable,
    }
    # Each start is scored once, and again after each halving of the way back to the target.
    starts = search.restarts * (1 + HALVINGS)
    if search.mode == "flip":
        confirmed = 2
        amounts["flip"] = (starts + confirmed + RANDOM_CHANGES) * scene
    elif search.mode == "diverge":
        confirmed = 1
        amounts["reach"] = (starts + confirmed + 2 * CONTROL_SCENES) * scene
        if search.attributes == ("shape",):
            amounts["changes"] = _renders_of_steps(run, CHANGE_RENDERS * _training(run))
    return amounts


def step_work(run: ResolvedRun) -> Work:
    """Return the renders of one step, without their gradients."""
    search, training = run.search, _training(run)
    losses = search.loss.values() if isinstance(search.loss, dict) else (search.loss,)
    renders = 2 if "dual_buffer" in losses else 1
    if search.optimiser == "lbfgs":
        images = LBFGS_EVALUATIONS * training * renders
    else:
        images = min(search.views_per_step, training) * renders
    return _renders_of_steps(run, images)


def image_work(run: ResolvedRun, missing: int) -> Work:
    """Return the work of `missing` images of a run's series, or of its family."""
    if not missing:
        return Work()
    series = series_of(run)
    per_scene = len(series.cameras) * series.config.noise_seeds
    samples = missing * pixels_of(run) * series.config.samples
    return Work(processes=1, scenes=math.ceil(missing / per_scene), images=missing, samples=samples)


def _training(run: ResolvedRun) -> int:
    """Return the number of training cameras."""
    return sum(not view.held_out for view in cameras(run.target.cameras))


def _renders_of_steps(run: ResolvedRun, images: int) -> Work:
    """Return the work of `images` images with the samples of a step, without gradients."""
    samples = images * run.search.samples.primal * pixels_of(run)
    return Work(images=images, samples=samples, evaluations=images)


def _scored_scene(run: ResolvedRun) -> Work:
    """Return the work of scoring one scene: renders of its final quality at every camera."""
    views = len(cameras(run.target.cameras))
    samples = views * pixels_of(run) * run.search.samples.score
    return Work(scenes=1, images=views, samples=samples, evaluations=views)

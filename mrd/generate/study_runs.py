"""Many runs: the grid of a study, and which work on it is due."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mrd.generate.processes import Job, Outcome, all_done
from mrd.generate.progress import SweepReport
from mrd.rendering import backend
from mrd.study import image_directory, image_plan
from mrd.study.model_section import ModelConfig
from mrd.study.run_directory import RunDirectory
from mrd.study.study import ResolvedRun, Study, resolve_all
from scenes.base.errors import InputError, about
from scenes.interpolation import check_path
from scenes.scene import Scene

if TYPE_CHECKING:
    from mrd.models.base import Model


def generate(
    study: Study, progress: SweepReport, workers: int = 1, by_hash: bool = False
) -> list[Outcome]:
    """Carry out every run of a study that is not done, half done ones from where they stopped.

    Searches come first; then the images of families, and those of every run whose search is done.

    Parameters
    ----------
    study
        The study.
    progress
        Told of all that goes on.
    workers
        How many processes work at once.
    by_hash
        Whether finished images are compared with their hashes, and not with their sizes alone.

    Raises
    ------
    InputError
        Before anything is rendered or written, when a file, a layer or the machine is wrong.
    """
    runs = resolve_all(study)
    due = [run for run in runs if not is_searched(run, study.runs)]
    check(due)
    check_series(runs)
    outcomes = _outcomes(due, study, progress, workers)
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.failure}
    # What another process was at meanwhile may be done by now.
    searched = [
        failed[run.name]
        if run.name in failed and not is_searched(run, study.runs)
        else _done(study.runs / run.name)
        for run in runs
    ]
    images = image_jobs(runs, study.runs, by_hash)
    made = all_done(images, study, progress, workers)
    left = {job.name for job in image_jobs(runs, study.runs)}
    return searched + [each if each.name in left else replace(each, failure="") for each in made]


def due(runs: Sequence[ResolvedRun], folder: Path) -> list[str]:
    """Name what is not done, piece by piece, as pieces that need not wait for one another.

    Returns
    -------
    list
        Runs, for each its search and the images of its series; then ``families/<family>``, for each
        the images that its runs share.
    """
    images = {job.name for job in image_jobs(runs, folder)}
    searches_or_series = [
        run.name
        for run in runs
        if not is_searched(run, folder) or Job("series", run).name in images
    ]
    families = dict.fromkeys(Job("family", run).name for run in runs)
    return searches_or_series + [name for name in families if name in images]


def carry_out(study: Study, name: str, progress: SweepReport) -> list[Outcome]:
    """Carry out one of the pieces that `due` names, or on from where it was stopped.

    Raises
    ------
    InputError
        The study does not ask for it, or a file of the study cannot be read.
    """
    runs = resolve_all(study)
    chosen = [run for run in runs if run.name == name]
    if not chosen and name not in (Job("family", run).name for run in runs):
        raise InputError(
            f"{study.folder}: the study, as it is now, does not ask for {name}; it was changed "
            "since that was submitted"
        )
    unsearched = [run for run in chosen if not is_searched(run, study.runs)]
    outcomes = _outcomes(unsearched, study, progress, workers=1)
    images = [job for job in image_jobs(runs, study.runs) if job.name in (name, f"{name}/series")]
    return [*outcomes.values(), *all_done(images, study, progress, workers=1)]


def image_jobs(runs: Sequence[ResolvedRun], folder: Path, by_hash: bool = False) -> list[Job]:
    """Images that are due now: of families, and of runs whose search is done."""
    families = {run.spec.family: run for run in runs if run.series is not None}
    return [
        *(
            Job("family", run)
            for run in families.values()
            if not image_directory.of_family(folder, run.spec.family).is_done(
                image_plan.asked_of_family(run), by_hash
            )
        ),
        *(
            Job("series", run)
            for run in runs
            if run.series is not None
            and is_searched(run, folder)
            and not image_directory.of_run(folder, run.name).is_done(
                image_plan.asked_of_run(run), by_hash
            )
        ),
    ]


def check(runs: list[ResolvedRun]) -> None:
    """Look at all that can be wrong with searches before the first expensive second.

    Nothing is rendered or written; without runs, nothing is looked at.

    Raises
    ------
    InputError
        No usable backend, a layer or weights that do not exist, images of a size that a network
        cannot take, a target or a start that a search cannot represent.
    """
    if not runs:
        return
    backend.activate()
    _check_models(runs)
    for run in runs:
        with about(f"searches.{run.spec.search}"):
            _represented(run)


def check_series(runs: Sequence[ResolvedRun]) -> None:
    """Refuse an interpolation that no result of a search could end: told before any work.

    Raises
    ------
    InputError
        Naming the search, and why there is no way from its target to its result.
    """
    for run in runs:
        if run.series is not None and run.series.config.kind == "interpolation":
            backend.activate()
            with about(f"searches.{run.spec.search}.series.kind"):
                check_path(*_represented(run), run.search.attributes)


def _represented(run: ResolvedRun) -> tuple[Scene, Scene]:
    """Target and start in the form of the search, not yet exposed."""
    from mrd.rendering.representation import represented, start_scene  # torch and Mitsuba: only now

    target = represented(run.target, run.search)
    return target, start_scene(target, run.starts, run.search)


def _check_models(runs: list[ResolvedRun]) -> None:
    """Make every model once, and try it with images of each size that it will see."""
    from mrd.models import registry
    from mrd.models.trial import try_model

    models: dict[str, ModelConfig] = {run.spec.model: run.model for run in runs}
    for name, config in models.items():
        with about(f"models.{name}"):
            model = registry.create(config)
            if config.guides:
                model = registry.create(config.guided(model.layer_weights))
        for run in runs:
            if run.spec.model == name:
                _check_losses(run, model.layers)
                _check_classes(run, model)
        seen = {run.target.cameras.resolution: run for run in runs if run.spec.model == name}
        for resolution, run in seen.items():
            with about(f"models.{name} on targets.{run.spec.target}"):
                try_model(model, resolution)


def _check_classes(run: ResolvedRun, model: Model) -> None:
    """Refuse a search for a class where the model has none, or not that one."""
    import torch

    from mrd.models.classifier import Classifier

    if run.search.mode != "flip":
        return
    with about(f"searches.{run.spec.search}.mode on models.{run.spec.model}"):
        classifier = Classifier(model)
    side = run.target.cameras.resolution
    with torch.no_grad():
        number = classifier.logits(torch.zeros(1, 3, side, side)).shape[1]
    label = run.search.label
    if label is not None and label >= number:
        raise InputError(
            f"searches.{run.spec.search}.label = {label}: models.{run.spec.model} has classes 0 to "
            f"{number - 1}; give one of these"
        )


def _check_losses(run: ResolvedRun, layers: Sequence[str]) -> None:
    """Refuse losses by layer that are not those of the model's layers, guides included.

    And the dual buffer of any model but pixels: its noise cancels only where activations are linear
    in the image.
    """
    from mrd.search.loss import takes_two_renders  # with torch: only now

    losses = run.search.loss
    if takes_two_renders(losses) and run.model.network != "pixels":
        raise InputError(
            f"searches.{run.spec.search}.loss: dual_buffer is for models that are linear in the "
            f"image, so for network: pixels alone, not for models.{run.spec.model}; choose another "
            "loss, or other models for this search"
        )
    if isinstance(losses, dict) and set(losses) != set(layers):
        raise InputError(
            f"searches.{run.spec.search}.loss has losses for {', '.join(losses)}, but the model "
            f"is read at {', '.join(layers)}; give each of these a loss, or one loss for all"
        )


def is_searched(run: ResolvedRun, runs: Path) -> bool:
    """Tell whether the search of a run is done, judged as it is asked now, and all of it there."""
    directory = RunDirectory(runs / run.name)
    with suppress(InputError):  # a damaged record is told where the run begins
        done = directory.exists and directory.status() == "done"
        return done and run.is_judged_by(directory.judgement() or {})
    return False


def _outcomes(
    unsearched: Sequence[ResolvedRun], study: Study, progress: SweepReport, workers: int
) -> dict[str, Outcome]:
    """Make searches, their directories first; how each ended, by the name of its run.

    Raises
    ------
    InputError
        A directory cannot be written, which is found out before the first render.
    """
    begun = {run.name: _begun(run, study.runs, progress) for run in unsearched}
    outcomes = {name: failed for name, failed in begun.items() if failed}
    jobs = [Job("search", run) for run in unsearched if run.name not in outcomes]
    return outcomes | {each.name: each for each in all_done(jobs, study, progress, workers)}


def _begun(run: ResolvedRun, runs: Path, progress: SweepReport) -> Outcome | None:
    """Make the directory of a run; an outcome where the one that is there cannot be gone on with.

    Raises
    ------
    InputError
        It cannot be written.
    """
    directory = RunDirectory(runs / run.name)
    existed = directory.exists
    try:
        directory.create(run.record)
    except InputError as error:
        if not existed:
            raise
        job = Job("search", run)
        progress.started(job.name, *job.amount).finished({"failed": str(error)})
        return Outcome(run.name, None, str(error), refused=True)
    return None


def _done(folder: Path) -> Outcome:
    return Outcome(folder.name, RunDirectory(folder).judgement())

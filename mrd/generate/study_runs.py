"""Run all searches of a study, and render the images of their series."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mrd.generate.processes import Job, Outcome, run_jobs
from mrd.generate.progress import StudyProgress
from mrd.rendering import backend
from mrd.study import image_directory, image_plan
from mrd.study.model_section import ModelConfig
from mrd.study.resolved_run import ResolvedRun
from mrd.study.resolved_study import ResolvedStudy, resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import Study
from scenes.base.errors import InputError, about
from scenes.interpolation import check_path
from scenes.scene import Scene

if TYPE_CHECKING:
    from mrd.models.base import Model


def generate(
    study: Study | ResolvedStudy, progress: StudyProgress, workers: int = 1, by_hash: bool = False
) -> list[Outcome]:
    """Carry out all unfinished runs of a study; stopped runs resume from their last state.

    Searches come first, then the images of families and of all runs whose search is done.

    Parameters
    ----------
    study
        The study, or the same study resolved.
    progress
        Shows the progress.
    workers
        Number of processes at once, from 1.
    by_hash
        Whether finished images are compared by their hashes instead of their sizes.

    Returns
    -------
    list of Outcome
        One for each run, then one for each folder of images that had missing ones.

    Raises
    ------
    InputError
        Before anything is rendered or written: a file, a layer or the machine is wrong.
    """
    resolved = resolve_study(study)
    runs, folder = resolved.runs, resolved.study.runs
    unsearched = [run for run in runs if not is_searched(run, folder)]
    check(unsearched)
    check_series(runs)
    outcomes = _search(unsearched, resolved.study, progress, workers)
    failed = {name: outcome for name, outcome in outcomes.items() if outcome.failure}
    # Another process may have finished a failed run in the meantime.
    searched = [
        failed[run.name]
        if run.name in failed and not is_searched(run, folder)
        else Outcome(run.name, RunDirectory(folder / run.name).judgement())
        for run in runs
    ]
    jobs = image_jobs(runs, folder, by_hash)
    rendered = run_jobs(jobs, resolved.study, progress, workers)
    unfinished = {job.name for job in image_jobs(runs, folder)}
    return searched + [
        each if each.name in unfinished else replace(each, failure="") for each in rendered
    ]


def remaining(runs: Sequence[ResolvedRun], folder: Path) -> list[str]:
    """Return the names of unfinished work; each can be done independently of the others.

    The name of a run means its search and its series; ``families/<family>`` the shared images.
    """
    images = {job.name for job in image_jobs(runs, folder)}
    searches_or_series = [
        run.name
        for run in runs
        if not is_searched(run, folder) or Job("series", run).name in images
    ]
    families = dict.fromkeys(Job("family", run).name for run in runs)
    return searches_or_series + [name for name in families if name in images]


def carry_out(study: Study | ResolvedStudy, name: str, progress: StudyProgress) -> list[Outcome]:
    """Run one remaining part of a study, named as `remaining` lists it; return its outcomes.

    Raise if the study has no run or family of this name.
    """
    resolved = resolve_study(study)
    runs, folder = resolved.runs, resolved.study.runs
    chosen = [run for run in runs if run.name == name]
    if not chosen and name not in (Job("family", run).name for run in runs):
        raise InputError(
            f"{resolved.study.folder}: the study has no run or family {name} any more; it was "
            "changed since that was submitted"
        )
    unsearched = [run for run in chosen if not is_searched(run, folder)]
    outcomes = _search(unsearched, resolved.study, progress, workers=1)
    images = [job for job in image_jobs(runs, folder) if job.name in (name, f"{name}/series")]
    return [*outcomes.values(), *run_jobs(images, resolved.study, progress, workers=1)]


def image_jobs(runs: Sequence[ResolvedRun], folder: Path, by_hash: bool = False) -> list[Job]:
    """Return jobs for the unfinished images of families, and of runs whose search is done."""
    families = {run.spec.family: run for run in runs if run.series is not None}
    return [
        *(
            Job("family", run)
            for run in families.values()
            if not image_directory.of_family(folder, run.spec.family).is_done(
                image_plan.inputs_of_family(run), by_hash
            )
        ),
        *(
            Job("series", run)
            for run in runs
            if run.series is not None
            and is_searched(run, folder)
            and not image_directory.of_run(folder, run.name).is_done(
                image_plan.inputs_of_run(run), by_hash
            )
        ),
    ]


def is_searched(run: ResolvedRun, folder: Path) -> bool:
    """Return whether a run's search is done, complete, and scored as the study asks."""
    directory = RunDirectory(folder / run.name)
    with suppress(InputError):  # a damaged record is reported when the run begins
        done = directory.exists and directory.status() == "done"
        return done and not run.changed_rule(directory.judgement() or {})
    return False


# ---- Checks before any work ---------------------------------------------------------------------


def check(runs: Sequence[ResolvedRun]) -> None:
    """Raise if a backend, layer, weights, image size, target or start of a search is unusable.

    Nothing is rendered or written.
    """
    if not runs:
        return
    backend.activate()
    _check_models(runs)
    for run in runs:
        with about(f"searches.{run.spec.search}"):
            _represented(run)


def check_series(runs: Sequence[ResolvedRun]) -> None:
    """Raise if a series interpolates, and there is no path from target to start of its search."""
    for run in runs:
        if run.series is not None and run.series.config.kind == "interpolation":
            backend.activate()
            with about(f"searches.{run.spec.search}.series.kind"):
                check_path(*_represented(run), run.search.attributes)


def _represented(run: ResolvedRun) -> tuple[Scene, Scene]:
    """Return target and start in the search's representation, not yet exposed."""
    from mrd.rendering.representation import represented, start_scene  # loads torch and Mitsuba

    target = represented(run.target, run.search)
    return target, start_scene(target, run.starts, run.search)


def _check_models(runs: Sequence[ResolvedRun]) -> None:
    """Create every model once, and try it with images of each size that it will see."""
    from mrd.models import registry
    from mrd.models.trial import try_model

    models: dict[str, ModelConfig] = {run.spec.model: run.model for run in runs}
    for name, config in models.items():
        own = [run for run in runs if run.spec.model == name]
        with about(f"models.{name}"):
            model = registry.create(config)
            if config.guides:
                model = registry.create(config.guided(model.layer_weights))
        for run in own:
            _check_losses(run, model.layers)
            _check_classes(run, model)
        for resolution, run in {run.target.cameras.resolution: run for run in own}.items():
            with about(f"models.{name} on targets.{run.spec.target}"):
                try_model(model, resolution)


def _check_classes(run: ResolvedRun, model: Model) -> None:
    """For mode flip, raise if the model has no classes, or not the one that is searched for."""
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
    """Raise if the loss of a search names other layers than those of the model and its guides.

    Raise too for dual_buffer with any model except pixels: its noise cancels only if activations
    are linear in the image.
    """
    from mrd.search.loss import takes_two_renders  # loads torch

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


# ---- Searches -----------------------------------------------------------------------------------


def _search(
    unsearched: Sequence[ResolvedRun], study: Study, progress: StudyProgress, workers: int
) -> dict[str, Outcome]:
    """Create the directories of runs and search; return the outcomes by the name of the run."""
    refused = {run.name: _create_directory(run, study.runs, progress) for run in unsearched}
    outcomes = {name: outcome for name, outcome in refused.items() if outcome}
    jobs = [Job("search", run) for run in unsearched if run.name not in outcomes]
    return outcomes | {each.name: each for each in run_jobs(jobs, study, progress, workers)}


def _create_directory(run: ResolvedRun, folder: Path, progress: StudyProgress) -> Outcome | None:
    """Make a run's directory; return an outcome if an existing one cannot be resumed.

    Raise if a new directory cannot be written.
    """
    directory = RunDirectory(folder / run.name)
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

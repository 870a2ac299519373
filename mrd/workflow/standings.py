"""Status of a study's runs, as recorded in their directories; nothing is rendered or changed."""

from dataclasses import dataclass
from typing import Any

from mrd.search.health import loss_warnings
from mrd.study import image_directory, image_plan
from mrd.study.image_directory import ImageDirectory
from mrd.study.resolved_run import ResolvedRun
from mrd.study.resolved_study import ResolvedStudy, resolve_study
from mrd.study.run_directory import RunDirectory, Status
from mrd.study.study import Study
from scenes.base.errors import InputError
from scenes.camera import cameras


@dataclass(frozen=True)
class ImagesStatus:
    """Status of the images of a run or a family."""

    name: str
    status: Status  # `pending` if no requested image is on disk
    done: int  # finished images
    total: int  # requested images
    message: str  # why they failed, or which finished files are missing or damaged now


@dataclass(frozen=True)
class RunStatus:
    """Status of one run."""

    run: ResolvedRun
    status: Status  # `pending` if nothing is on disk
    step: int  # last step in its history
    newest: dict[str, float]  # last row of its history; empty before the first step
    judgement: dict[str, Any] | None  # content of `criterion.json`; None before the run is done
    message: str  # why it failed, or which finished files are missing or damaged now
    images: ImagesStatus | None = None  # None if the study requests none
    warnings: tuple[str, ...] = ()  # how its search fails, and what to try


def overview(study: Study | ResolvedStudy) -> list[RunStatus]:
    """Return the status of every run of a study, in the order of its grid.

    Parameters
    ----------
    study
        The study, or the same study resolved.

    Raises
    ------
    InputError
        A file that the study names cannot be read.
    """
    resolved = resolve_study(study)
    folder = resolved.study.runs
    return [run_status(run, RunDirectory(folder / run.name)) for run in resolved.runs]


def run_status(run: ResolvedRun, directory: RunDirectory) -> RunStatus:
    """Read the status of one run."""
    images = None
    if run.series is not None:
        images = _images_status(
            run.name,
            image_directory.of_run(directory.path.parent, run.name),
            image_plan.inputs_of_run(run),
            image_plan.count_of_run(run),
        )
    if not directory.exists:
        return RunStatus(run, "pending", 0, {}, None, "", images)
    history = directory.history()
    newest = history[-1] if history else {}
    try:
        status, message = directory.status(), _message(directory)
    except InputError as error:  # its record is damaged
        status, message = "failed", str(error)
    judgement = directory.judgement() if status == "done" else None
    if judgement is not None and (changed := run.changed_rule(judgement)):
        status, judgement = "interrupted", None
        keys = " and ".join(changed)
        message = f"the result was scored with a different {keys}; generate scores it again"
    step, warnings = int(newest.get("step", 0)), _warnings(run, judgement, history)
    return RunStatus(run, status, step, newest, judgement, message, images, warnings)


def _warnings(
    run: ResolvedRun, judgement: dict[str, Any] | None, history: list[dict[str, float]]
) -> tuple[str, ...]:
    """Return the warnings of a scored run, or those that the loss of an unfinished one gives."""
    if judgement is not None:
        return tuple(judgement.get("warnings", ()))  # runs of earlier versions have none
    views = sum(not view.held_out for view in cameras(run.target.cameras))
    return tuple(loss_warnings(run.search, views, history))


def families(study: ResolvedStudy) -> list[ImagesStatus]:
    """Return the status of the images that the runs of each family share."""
    return [
        _images_status(
            f"families/{family}",
            image_directory.of_family(study.study.runs, family),
            image_plan.inputs_of_family(run),
            image_plan.count_of_family(run),
        )
        for family, run in study.families.items()
    ]


def _images_status(
    name: str, directory: ImageDirectory, requested: dict[str, Any], total: int
) -> ImagesStatus:
    """Read the status of images; those of an earlier version of the study do not count."""
    if not directory.exists or not directory.is_request(requested):
        return ImagesStatus(name, "pending", 0, total, "")
    done = min(directory.count(), total)
    return ImagesStatus(name, directory.status(), done, total, _message(directory))


def _message(directory: RunDirectory) -> str:
    """Return why a run or its images failed, or which finished files are missing now."""
    record = directory.record()
    return str(record["message"]) if record["status"] == "failed" else directory.loss()


def outdated(study: ResolvedStudy) -> list[str]:
    """Return the names of run directories whose run is no longer part of the study."""
    names = {run.name for run in study.runs}
    return sorted(
        folder.name
        for folder in study.study.runs.glob("*")
        if RunDirectory(folder).exists and folder.name not in names
    )

"""Where the runs of a study stand, as their directories tell; nothing is rendered or changed."""

from dataclasses import dataclass
from typing import Any

from mrd.study import image_directory, image_plan
from mrd.study.image_directory import ImageDirectory
from mrd.study.run_directory import RunDirectory, Status
from mrd.study.study import ResolvedRun, Study, resolve_all
from scenes.base.errors import InputError


@dataclass(frozen=True)
class ImagesStanding:
    """Where the images of a run or a family stand.

    Parameters
    ----------
    name
        Of the run or the family.
    status
        `pending` where nothing that is asked for now is on disk.
    done, total
        Images that are finished, and that are asked for.
    message
        Why they failed, where they did; what is lost, where they were done.
    """

    name: str
    status: Status
    done: int
    total: int
    message: str


@dataclass(frozen=True)
class Standing:
    """Where one run stands.

    Parameters
    ----------
    run
        What the study asks for.
    status
        `pending` where nothing is on disk yet.
    step
        Steps that its history holds.
    newest
        The last row of its history; empty before the first step.
    judgement
        What `criterion.json` holds; None before the run is done.
    message
        Why it failed, where it did; what it has lost, where it was done.
    images
        Where its images stand; None where the study asks for none.
    """

    run: ResolvedRun
    status: Status
    step: int
    newest: dict[str, float]
    judgement: dict[str, Any] | None
    message: str
    images: ImagesStanding | None = None


def overview(study: Study) -> list[Standing]:
    """Tell where every run of a study stands, in the order of its grid.

    Raises
    ------
    InputError
        A file that the study names cannot be read.
    """
    return [standing(run, RunDirectory(study.runs / run.name)) for run in resolve_all(study)]


def standing(run: ResolvedRun, directory: RunDirectory) -> Standing:
    """Read where one run stands."""
    images = None
    if run.series is not None:
        images = _images(
            run.name,
            image_directory.of_run(directory.path.parent, run.name),
            image_plan.asked_of_run(run),
            image_plan.of_run(run),
        )
    if not directory.exists:
        return Standing(run, "pending", 0, {}, None, "", images)
    history = directory.history()
    newest = history[-1] if history else {}
    try:
        status, message = directory.status(), _message(directory)
    except InputError as error:  # its record is damaged
        status, message = "failed", str(error)
    judgement = directory.judgement() if status == "done" else None
    if judgement is not None and not run.is_judged_by(judgement):
        status, judgement = "interrupted", None
        message = "its result was judged by another floor; generate judges it anew"
    return Standing(run, status, int(newest.get("step", 0)), newest, judgement, message, images)


def families(study: Study, standings: list[Standing]) -> list[ImagesStanding]:
    """Tell where the images stand that the runs of a family share, a family a row."""
    first = {each.run.spec.family: each.run for each in standings if each.run.series is not None}
    return [
        _images(
            f"families/{family}",
            image_directory.of_family(study.runs, family),
            image_plan.asked_of_family(run),
            image_plan.of_family(run),
        )
        for family, run in first.items()
    ]


def _images(
    name: str, directory: ImageDirectory, asked: dict[str, Any], total: int
) -> ImagesStanding:
    """Read where images stand; those of an earlier form of the study do not count yet."""
    if not directory.exists or not directory.is_asked(asked):
        return ImagesStanding(name, "pending", 0, total, "")
    done = min(directory.count(), total)
    return ImagesStanding(name, directory.status(), done, total, _message(directory))


def _message(directory: RunDirectory) -> str:
    """What is to be said of a run or its images: why they failed, or what they have lost."""
    record = directory.record()
    return str(record["message"]) if record["status"] == "failed" else directory.loss()


def outdated(study: Study, standings: list[Standing]) -> list[str]:
    """Name the runs on disk that the study, as it is now, does not ask for."""
    asked = {standing.run.name for standing in standings}
    return sorted(
        folder.name
        for folder in study.runs.glob("*")
        if RunDirectory(folder).exists and folder.name not in asked
    )

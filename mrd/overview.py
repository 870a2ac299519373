"""Where the runs of a study stand, as their directories tell; nothing is rendered or changed."""

from dataclasses import dataclass
from typing import Any

from mrd.run import RunDirectory, Status
from mrd.study import ResolvedRun, Study, resolve_all


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
        Why it failed, where it did.
    """

    run: ResolvedRun
    status: Status
    step: int
    newest: dict[str, float]
    judgement: dict[str, Any] | None
    message: str


def overview(study: Study) -> list[Standing]:
    """Tell where every run of a study stands, in the order of its grid.

    Raises
    ------
    InputError
        A file that the study names, or a run's record, cannot be read.
    """
    return [standing(run, RunDirectory(study.runs / run.name)) for run in resolve_all(study)]


def standing(run: ResolvedRun, directory: RunDirectory) -> Standing:
    """Read where one run stands."""
    if not directory.exists:
        return Standing(run, "pending", 0, {}, None, "")
    status = directory.status()
    history = directory.history()
    newest = history[-1] if history else {}
    judgement = directory.read_json("criterion.json") if status == "done" else None
    message = directory.record()["message"] if status == "failed" else ""
    return Standing(run, status, int(newest.get("step", 0)), newest, judgement, message)


def outdated(study: Study, standings: list[Standing]) -> list[str]:
    """Name the runs on disk that the study, as it is now, does not ask for."""
    asked = {standing.run.name for standing in standings}
    return sorted(
        folder.name
        for folder in study.runs.glob("*")
        if RunDirectory(folder).exists and folder.name not in asked
    )

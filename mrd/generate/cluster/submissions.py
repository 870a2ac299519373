"""Records of what was submitted to a cluster: a folder for each array of tasks.

::

    slurm/<time>/
        jobs.json       the run or family of each job, and the options; written after Slurm accepts
        <job>.json      how the work of a job ended; written by the job
        <job>_0_log.out output of the job
        *.pkl, *.sh     submitit's files, which nothing in the suite reads

Job numbers start again when a cluster loses its state, so each array has its own folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mrd.generate.cluster.options import SlurmOptions
from mrd.study.storage import read_mapping, write_json, writing
from scenes.base.errors import InputError

SCHEMA_VERSION = 1
FOLDER = "slurm"
JOBS_FILE = "jobs.json"


@dataclass(frozen=True)
class TaskEnd:
    """How a task ended: its failure ("" if none), and whether the user can correct it."""

    failure: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Task:
    """A submitted task, which does one run or the images of one family."""

    name: str  # of the run, or ``families/<family>``
    job: str  # Slurm's number, such as ``12_0``
    job_name: str  # Slurm's name of the job
    folder: Path  # of the submission

    @property
    def log(self) -> Path:
        """File of the task's output."""
        return self.folder / f"{self.job}_0_log.out"

    def end(self) -> TaskEnd | None:
        """Return how the task ended; None if it did not end, or ended without a record."""
        content = read_mapping(end_file(self.folder, self.job))
        with suppress(TypeError):
            return None if content is None else TaskEnd(**content)
        return None


def end_file(folder: Path, job: str) -> Path:
    """Return the file in which a job records its end."""
    return folder / f"{job}.json"


def new_folder(runs: Path) -> Path:
    """Make the folder of a submission, named by the time."""
    folder = runs / FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    with writing(folder):
        folder.mkdir(parents=True)
    return folder


def record(folder: Path, job_name: str, options: SlurmOptions, tasks: Mapping[str, str]) -> None:
    """Write ``jobs.json`` of a submission; `tasks` maps job number → run or family."""
    content = {
        "schema_version": SCHEMA_VERSION,
        "job_name": job_name,
        "request": options.given,
        "tasks": tasks,
    }
    write_json(folder / JOBS_FILE, content)


def newest(runs: Path) -> dict[str, Task]:
    """Return the newest task of each run or family that was ever submitted, by its name."""
    tasks: dict[str, Task] = {}
    for path in sorted(runs.glob(f"{FOLDER}/*/{JOBS_FILE}")):
        content = _content(path)
        for job, name in content["tasks"].items():
            tasks[name] = Task(name, job, content["job_name"], path.parent)
    return tasks


def _content(path: Path) -> dict[str, Any]:
    """Return the content of a ``jobs.json``; raise if it is damaged or of another version."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); move its folder away once its jobs have ended"
        ) from error
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is not {SCHEMA_VERSION}; another version of this suite "
            "wrote it, so use that version"
        )
    return content

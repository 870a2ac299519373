"""What was submitted to a cluster: a folder for each array of tasks, within a study's runs.

::

    slurm/<time>/
        jobs.json       job → name of its work, and what was asked for; written when Slurm has it
        <job>.json      how the work of a job ended; written by the job
        <job>_0_log.out what it printed
        *.pkl, *.sh     submitit's own; nothing here reads them

Job numbers begin anew when a cluster forgets its state, so each array has a folder of its own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mrd.generate.cluster.options import Request
from mrd.study.json_files import write_json, writing
from scenes.base.errors import InputError

SCHEMA_VERSION = 1
FOLDER = "slurm"
JOBS_FILE = "jobs.json"


@dataclass(frozen=True)
class Ending:
    """How a task ended.

    Attributes
    ----------
    failure
        Why it failed, in one line; "" where it did not.
    refused
        Whether over something that the user can mend.
    """

    failure: str = ""
    refused: bool = False


@dataclass(frozen=True)
class Task:
    """A task that was submitted.

    Attributes
    ----------
    name
        Of its work: a run, or ``families/<family>``.
    job
        Slurm's number of it, such as ``12_0``.
    job_name
        What Slurm calls it.
    folder
        Of its submission.
    """

    name: str
    job: str
    job_name: str
    folder: Path

    @property
    def log(self) -> Path:
        """File of what it printed."""
        return self.folder / f"{self.job}_0_log.out"

    def ending(self) -> Ending | None:
        """How it ended; None where it has not, or was ended before it could tell."""
        with suppress(OSError, ValueError, TypeError):
            return Ending(**json.loads(ending_file(self.folder, self.job).read_text("utf-8")))
        return None


def ending_file(folder: Path, job: str) -> Path:
    """File that the task of a job tells its end by."""
    return folder / f"{job}.json"


def new_folder(runs: Path) -> Path:
    """Make the folder of a submission, named by the time.

    Raises
    ------
    InputError
        It cannot be made.
    """
    folder = runs / FOLDER / f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}"
    with writing(folder):
        folder.mkdir(parents=True)
    return folder


def record(folder: Path, job_name: str, asked: Request, tasks: Mapping[str, str]) -> None:
    """Keep which jobs Slurm was given: job → name of its work.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    content = {
        "schema_version": SCHEMA_VERSION,
        "job_name": job_name,
        "request": asked.given,
        "tasks": tasks,
    }
    write_json(folder / JOBS_FILE, content)


def newest(runs: Path) -> dict[str, Task]:
    """Newest task of every piece of work that was ever submitted, by its name.

    Raises
    ------
    InputError
        A file of jobs cannot be read.
    """
    tasks: dict[str, Task] = {}
    for path in sorted(runs.glob(f"{FOLDER}/*/{JOBS_FILE}")):
        content = _content(path)
        for job, name in content["tasks"].items():
            tasks[name] = Task(name, job, content["job_name"], path.parent)
    return tasks


def _content(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read ({error}); move its folder away once its jobs have ended"
        ) from error
    if not isinstance(content, dict) or content.get("schema_version") != SCHEMA_VERSION:
        raise InputError(
            f"{path}: schema_version is not {SCHEMA_VERSION}; another version of this suite "
            "wrote it, so ask that one"
        )
    return content

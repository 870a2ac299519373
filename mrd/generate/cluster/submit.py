"""A study on a Slurm cluster: arrays of tasks, each a run or the images of a family.

Tasks share nothing but the study's folder, so one that fails leaves the others alone. What is done
is told by the run directories alone: submitit's pickles carry the work to the nodes, and are never
asked for results.
"""

from __future__ import annotations

import importlib
import io
import re
import shutil
from collections.abc import Callable, Sequence
from contextlib import redirect_stderr, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrd.generate import python_process, study_runs
from mrd.generate.cluster import queue, submissions
from mrd.generate.cluster.options import LEAD_SECONDS, Request
from mrd.generate.cluster.submissions import Task
from mrd.generate.cluster.task import Work
from mrd.generate.progress import SweepReport
from mrd.rendering import backend
from mrd.study.study import ResolvedRun, Study, resolve_all
from scenes.base.errors import InputError, needs, one_line

MOST_TIME_OUTS = 10_000  # a task that gains nothing in its time is stopped by `Work.checkpoint`
ARRAY_SIZE = 1001  # Slurm's own MaxArraySize, where it does not say


@dataclass(frozen=True)
class Left:
    """Names of what is not done of a study.

    Attributes
    ----------
    waiting
        What waits to be submitted.
    queued
        What an earlier submission has put into the queue.
    """

    waiting: Sequence[str]
    queued: Sequence[str]


def left(study: Study, note: Callable[[str], None]) -> Left:
    """Look at a study, this machine and the queue: what would be submitted now.

    Parameters
    ----------
    study
        The study.
    note
        Told what could not be looked at here.

    Raises
    ------
    InputError
        Slurm or submitit are not here, or something of the study is wrong.
    """
    _check_here(study.runs)
    runs = resolve_all(study)
    _check(runs, study, note)
    active = {each.task.name for each in standings(study, runs) if each.is_active}
    due = study_runs.due(runs, study.runs)
    return Left(
        waiting=[name for name in due if name not in active],
        queued=[name for name in due if name in active],
    )


def submit(
    names: Sequence[str],
    study: Study,
    path: Path,
    asked: Request,
    telling: Callable[[], SweepReport],
) -> list[Task]:
    """Give Slurm pieces of a study's work, a task each, in arrays as large as it allows.

    Parameters
    ----------
    names
        Of the pieces, as `left` gives them.
    study
        The study.
    path
        What it was read from, and will be on the nodes: they must reach it by the same path.
    asked
        What each task asks for.
    telling
        Makes on the node what is told how the work goes; a function of a module.

    Raises
    ------
    InputError
        Slurm refuses. Nothing is left behind then, but for arrays that were submitted before.
    """
    size = _array_size()
    tasks: list[Task] = []
    for first in range(0, len(names), size):
        try:
            tasks += _array(path, study, names[first : first + size], asked, telling)
        except InputError as error:
            if not tasks:
                raise
            raise InputError(
                f"{len(tasks)} of {len(names)} tasks are submitted; {error}; the same command "
                "submits the others later"
            ) from error
    return tasks


def _check_here(runs: Path) -> None:
    """Find out whether jobs that work in a folder of runs can be submitted from this machine.

    Raises
    ------
    InputError
        They cannot.
    """
    for program in ("sbatch", "scancel", "srun", "squeue", "scontrol"):
        if shutil.which(program) is None:
            raise InputError(
                f"--slurm: {program} is not on the PATH; submit where Slurm's programs are, on a "
                "login node, or leave --slurm out to work here"
            )
    with needs("cluster"):
        importlib.import_module("submitit")
    if "%" in str(runs.absolute()):
        raise InputError(
            f"--slurm: {runs.absolute()}: Slurm takes % in a path for a pattern; move the study to "
            "a folder without it"
        )


def standings(study: Study, runs: Sequence[ResolvedRun]) -> list[queue.TaskStanding]:
    """Where the tasks of a study's runs stand; none where nothing was ever submitted.

    Raises
    ------
    InputError
        The queue cannot be read, or a file of the study.
    """
    return queue.standings(study.runs, lambda: study_runs.due(runs, study.runs))


def _check(runs: Sequence[ResolvedRun], study: Study, note: Callable[[str], None]) -> None:
    """Look at what can be wrong, as far as this machine can: it need not be able to render."""
    try:
        backend.activate()
    except InputError as error:
        note(f"models and starts are looked at on the nodes alone, for here: {error}")
        return
    study_runs.check([run for run in runs if not study_runs.is_searched(run, study.runs)])
    study_runs.check_series(runs)


def _array_size() -> int:
    """Most tasks of an array."""
    found = re.search(r"MaxArraySize\s*=\s*(\d+)", queue.answer("scontrol", "show", "config"))
    return int(found[1]) if found else ARRAY_SIZE


def _array(
    path: Path,
    study: Study,
    names: Sequence[str],
    asked: Request,
    telling: Callable[[], SweepReport],
) -> list[Task]:
    """Submit one array, and keep its jobs."""
    from submitit import SlurmExecutor  # an extra
    from submitit.core.utils import FailedSubmissionError, UncompletedJobError

    job_name = f"mrd-{study.name}"
    folder = submissions.new_folder(study.runs.absolute())
    work = [Work(path.absolute(), name, asked.minutes, folder, telling) for name in names]
    executor = SlurmExecutor(
        folder, max_num_timeout=MOST_TIME_OUTS, python=python_process.interpreter()
    )
    try:
        executor.update_parameters(**_parameters(asked, job_name))
        with redirect_stderr(io.StringIO()):  # what sbatch says is in the error, once
            jobs = executor.submit_array(work)
    except (UncompletedJobError, FailedSubmissionError, OSError) as error:
        shutil.rmtree(folder)
        for above in (folder.parent, study.runs):
            with suppress(OSError):  # others are in it
                above.rmdir()
        raise InputError(f"--slurm: {one_line(error)}") from error
    tasks = {str(job.job_id): name for job, name in zip(jobs, names, strict=True)}
    try:
        submissions.record(folder, job_name, asked, tasks)
    except InputError:
        # What no file knows of would be submitted a second time.
        with suppress(InputError):
            queue.answer("scancel", *sorted({job.partition("_")[0] for job in tasks}))
        raise
    return [Task(name, job, job_name, folder) for job, name in tasks.items()]


def _parameters(asked: Request, job_name: str) -> dict[str, Any]:
    """What submitit writes into the batch script."""
    cpus = asked.parameters.get("cpus_per_task")
    return {
        **asked.parameters,
        "job_name": job_name,
        "signal_delay_s": LEAD_SECONDS,
        "stderr_to_stdout": True,
        "wckey": None,
        # A cluster may be set up not to queue jobs again.
        "additional_parameters": {"requeue": True},
        # srun does not take this over from the batch script since Slurm 22.05.
        "srun_args": [] if cpus is None else [f"--cpus-per-task={cpus}"],
    }

"""Submit a study to a Slurm cluster: arrays of tasks, each a run or the images of a family.

Tasks share only the study's folder, so a failed task leaves the others alone. The run directories
alone show what is done: submitit's pickles carry the work to the nodes, and no result is read back.
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
from mrd.generate.cluster.options import LEAD_SECONDS, SlurmOptions
from mrd.generate.cluster.submissions import Task
from mrd.generate.cluster.task import Work
from mrd.generate.progress import StudyProgress
from mrd.rendering import backend
from mrd.study.resolved_study import ResolvedStudy
from mrd.study.study import Study
from scenes.base.errors import InputError, needs, one_line

MOST_TIME_OUTS = 10_000  # `Work.checkpoint` stops a task that makes no progress
ARRAY_SIZE = 1001  # Slurm's default of MaxArraySize


@dataclass(frozen=True)
class RemainingTasks:
    """Names of unfinished runs and families: those to submit, and those in the queue already."""

    waiting: Sequence[str]
    queued: Sequence[str]


def check_machine(runs: Path) -> None:
    """Raise if this machine cannot submit jobs for runs in the folder `runs`."""
    for program in ("sbatch", "scancel", "srun", "squeue", "scontrol"):
        if shutil.which(program) is None:
            raise InputError(
                f"--slurm: {program} is not on the PATH; submit where Slurm's programs are, on a "
                "login node, or leave --slurm out to work on this machine"
            )
    with needs("cluster"):
        importlib.import_module("submitit")
    if "%" in str(runs.absolute()):
        raise InputError(
            f"--slurm: {runs.absolute()}: Slurm takes % in a path for a pattern; move the study to "
            "a folder without it"
        )


def remaining_tasks(study: ResolvedStudy, note: Callable[[str], None]) -> RemainingTasks:
    """Check the study and the queue; return what would be submitted.

    `note` shows what cannot be checked on this machine.
    """
    _check_study(study, note)
    active = {each.task.name for each in task_statuses(study) if each.is_active}
    names = study_runs.remaining(study.runs, study.study.runs)
    return RemainingTasks(
        waiting=[name for name in names if name not in active],
        queued=[name for name in names if name in active],
    )


def task_statuses(study: ResolvedStudy) -> list[queue.TaskStatus]:
    """Return the status of a study's tasks; none if nothing was ever submitted."""
    folder = study.study.runs
    return queue.statuses(folder, lambda: study_runs.remaining(study.runs, folder))


def submit(
    names: Sequence[str],
    study: Study,
    path: Path,
    options: SlurmOptions,
    make_progress: Callable[[], StudyProgress],
) -> list[Task]:
    """Submit one task for each run or family in `names`, in arrays as large as Slurm allows.

    `path` of the study must be the same on the nodes. `make_progress` is called on the node, so it
    must be a function of a module. If Slurm refuses, arrays that were submitted before remain.
    """
    size = _array_size()
    tasks: list[Task] = []
    for first in range(0, len(names), size):
        try:
            tasks += _submit_array(path, study, names[first : first + size], options, make_progress)
        except InputError as error:
            if not tasks:
                raise
            raise InputError(
                f"{len(tasks)} of {len(names)} tasks are submitted; {error}; the same command "
                "submits the others later"
            ) from error
    return tasks


def _check_study(study: ResolvedStudy, note: Callable[[str], None]) -> None:
    """Check models, starts and series; only note that it was not done if rendering fails here."""
    try:
        backend.activate()
    except InputError as error:
        note(f"models and starts are checked on the nodes alone, because on this machine: {error}")
        return
    folder = study.study.runs
    study_runs.check([run for run in study.runs if not study_runs.is_searched(run, folder)])
    study_runs.check_series(study.runs)


def _array_size() -> int:
    """Return the largest number of tasks that Slurm accepts in an array."""
    configuration = queue.run_program("scontrol", "show", "config")
    match = re.search(r"MaxArraySize\s*=\s*(\d+)", configuration)
    return int(match[1]) if match else ARRAY_SIZE


def _submit_array(
    path: Path,
    study: Study,
    names: Sequence[str],
    options: SlurmOptions,
    make_progress: Callable[[], StudyProgress],
) -> list[Task]:
    """Submit one array, and record its jobs."""
    from submitit import SlurmExecutor  # an extra
    from submitit.core.utils import FailedSubmissionError, UncompletedJobError

    job_name = f"mrd-{study.name}"
    folder = submissions.new_folder(study.runs.absolute())
    work = [Work(path.absolute(), name, options.minutes, folder, make_progress) for name in names]
    executor = SlurmExecutor(
        folder, max_num_timeout=MOST_TIME_OUTS, python=python_process.interpreter()
    )
    try:
        executor.update_parameters(**_parameters(options, job_name))
        with redirect_stderr(io.StringIO()):  # sbatch's message is in the error too
            jobs = executor.submit_array(work)
    except (UncompletedJobError, FailedSubmissionError, OSError, ValueError, TypeError) as error:
        shutil.rmtree(folder)
        for above in (folder.parent, study.runs):
            with suppress(OSError):  # not empty
                above.rmdir()
        raise InputError(f"--slurm: {one_line(error)}") from error
    tasks = {str(job.job_id): name for job, name in zip(jobs, names, strict=True)}
    try:
        submissions.record(folder, job_name, options, tasks)
    except InputError:
        # Without a record, the same work would be submitted a second time.
        with suppress(InputError):
            queue.run_program("scancel", *sorted({job.partition("_")[0] for job in tasks}))
        raise
    return [Task(name, job, job_name, folder) for job, name in tasks.items()]


def _parameters(options: SlurmOptions, job_name: str) -> dict[str, Any]:
    """Return the parameters from which submitit writes the batch script."""
    cpus = options.parameters.get("cpus_per_task")
    return {
        **options.parameters,
        "job_name": job_name,
        "signal_delay_s": LEAD_SECONDS,
        "stderr_to_stdout": True,
        "wckey": None,
        # A cluster may not queue jobs again by default.
        "additional_parameters": {"requeue": True},
        # Since Slurm 22.05, srun does not take this from the batch script.
        "srun_args": [] if cpus is None else [f"--cpus-per-task={cpus}"],
    }

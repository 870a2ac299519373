"""Slurm's queue: which tasks of a study wait or run, and which ended before they could tell."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from mrd.generate.cluster import submissions
from mrd.generate.cluster.submissions import Task
from scenes.base.errors import InputError

SECONDS_TO_ANSWER = 120  # Slurm's own programs give up earlier
SECONDS_BETWEEN_LOOKS = 5.0
SECONDS_UNHEARD = 600.0  # of a queue that does not answer, until waiting for it ends

# States that a job does not leave (man squeue); Slurm remembers such a job for some minutes.
ENDED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)


@dataclass(frozen=True)
class Entry:
    """A line of the queue.

    Attributes
    ----------
    state
        Slurm's word, such as ``PENDING``.
    elapsed
        Time that it has run, as Slurm writes it.
    where
        Nodes of a job that runs; why another does not.
    """

    state: str
    elapsed: str
    where: str


@dataclass(frozen=True)
class TaskStanding:
    """Where a task stands whose work is not done.

    Attributes
    ----------
    task
        The task.
    is_active
        Whether it waits or runs.
    state
        Slurm's word in small letters while it is active; then `failed`.
    message
        Where it runs or why it waits; why it failed.
    refused
        Whether it failed over something that the user can mend.
    """

    task: Task
    is_active: bool
    state: str
    message: str
    refused: bool = False


class QueueError(InputError):
    """Slurm refuses, or does not answer."""


def answer(*command: str) -> str:
    """What one of Slurm's programs prints.

    Raises
    ------
    InputError
        It is not here.
    QueueError
        It refuses, or does not answer.
    """
    if shutil.which(command[0]) is None:
        raise InputError(
            f"{command[0]} is not on the PATH; Slurm's queue is asked where its programs are, on a "
            "login node"
        )
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS_TO_ANSWER, check=True
        )
    except subprocess.TimeoutExpired as error:
        raise QueueError(
            f"{command[0]} did not answer within {SECONDS_TO_ANSWER} s; try again later"
        ) from error
    except subprocess.CalledProcessError as error:
        raise QueueError(f"Slurm: {error.stderr or error.stdout or error}") from error
    return done.stdout


def asked(tasks: Iterable[Task]) -> dict[str, Entry]:
    """What Slurm knows of tasks, by job; jobs that it has forgotten are left out.

    Raises
    ------
    InputError
        The queue cannot be read.
    """
    names = {task.job: task.job_name for task in tasks}
    if not names:
        return {}
    numbers = sorted({job.partition("_")[0] for job in names})
    squeue = ("squeue", "--noheader", "--array", "--states=all", "--format=%i|%j|%T|%M|%R")
    try:
        listed = answer(*squeue, f"--jobs={','.join(numbers)}")
    except InputError as error:
        if "Invalid job id" in str(error):  # of a single one that is forgotten
            return {}
        raise
    lines = [line.split("|", 4) for line in listed.splitlines()]
    # A number may have begun anew, and be somebody else's by now.
    return {
        job: Entry(state, elapsed, where.strip("()"))
        for job, name, state, elapsed, where in lines
        if names.get(job) == name
    }


def standings(runs: Path, due: Callable[[], Collection[str]]) -> list[TaskStanding]:
    """Where tasks stand: the newest of each piece of work, if it waits, runs or has failed.

    Parameters
    ----------
    runs
        Folder of the run directories.
    due
        Names what is not done. It is asked after the queue, so that a task that ends meanwhile is
        not taken for one that vanished.

    Raises
    ------
    InputError
        The queue, or a file of jobs, cannot be read.
    """
    tasks = submissions.newest(runs)
    entries = asked(tasks.values())
    left = due() if tasks else ()
    found = []
    for name, task in tasks.items():
        entry = entries.get(task.job)
        if entry is not None and entry.state not in ENDED:
            found.append(_active(task, entry))
        elif name in left:
            found += _failed(task, entry)
    return found


def _active(task: Task, entry: Entry) -> TaskStanding:
    running = f"{entry.where}, {entry.elapsed}" if entry.state == "RUNNING" else entry.where
    return TaskStanding(task, True, entry.state.lower().replace("_", " "), running)


def _failed(task: Task, entry: Entry | None) -> list[TaskStanding]:
    """The failure of a task that has ended; none where its work is asked for anew since."""
    ending = task.ending()
    if ending is None:
        how = f"Slurm says {entry.state}" if entry else "it is not in the queue"
        lost = f"ended before it was done, without a word ({how}); see {task.log}"
        return [TaskStanding(task, False, "failed", lost)]
    if not ending.failure:
        return []
    return [TaskStanding(task, False, "failed", ending.failure, ending.refused)]


def wait(
    look: Callable[[], Sequence[TaskStanding]],
    told: Callable[[TaskStanding], None],
    unheard: Callable[[str], None] = lambda _: None,
    seconds: float = SECONDS_BETWEEN_LOOKS,
    patience: float = SECONDS_UNHEARD,
) -> list[TaskStanding]:
    """Look until no task waits or runs; returns the tasks that failed.

    A controller may be busy or begin anew while tasks run for days: a queue that does not answer
    is asked again.

    Parameters
    ----------
    look
        Gives where tasks stand.
    told
        Told of every task that stands elsewhere than at the last look.
    unheard
        Told what the queue says in place of an answer, the first time in a row.
    seconds
        Between two looks.
    patience
        Seconds without an answer after which waiting ends.

    Raises
    ------
    QueueError
        The queue has not answered for so long.
    """
    before: dict[str, str] = {}
    heard, is_told = time.monotonic(), False
    while True:
        try:
            now = look()
        except QueueError as error:
            if time.monotonic() - heard >= patience:
                raise
            if not is_told:
                unheard(str(error))
            is_told = True
            time.sleep(seconds)
            continue
        heard, is_told = time.monotonic(), False
        for each in now:
            if before.get(each.task.job) != each.state:
                told(each)
        before = {each.task.job: each.state for each in now}
        if not any(each.is_active for each in now):
            return list(now)
        time.sleep(seconds)

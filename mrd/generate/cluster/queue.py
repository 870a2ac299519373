"""Slurm's queue: the status of a study's tasks."""

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
SECONDS_OF_SILENCE = 600.0  # without an answer of the queue, after which waiting ends

# Final states of a job (man squeue); Slurm remembers such a job for some minutes.
ENDED = frozenset(("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL",
                   "OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT"))  # fmt: skip


@dataclass(frozen=True)
class QueueEntry:
    """A line of the queue: state, elapsed time, and the job's nodes or why it waits."""

    state: str
    elapsed: str
    where: str


@dataclass(frozen=True)
class TaskStatus:
    """Status of a task whose work is not done."""

    task: Task
    is_active: bool  # whether it waits or runs
    state: str  # Slurm's state in small letters while it is active; else `failed`
    message: str  # where it runs, why it waits, or why it failed
    refused: bool = False  # whether the user can correct the failure


class QueueError(InputError):
    """Slurm refuses, or does not answer."""


def run_program(*command: str) -> str:
    """Return the output of one of Slurm's programs; raise QueueError if it refuses or hangs."""
    if shutil.which(command[0]) is None:
        raise InputError(
            f"{command[0]} is not on the PATH; run this where Slurm's programs are, on a login node"
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


def entries(tasks: Iterable[Task]) -> dict[str, QueueEntry]:
    """Return the queue entries of tasks, by job number, without jobs that Slurm forgot."""
    names = {task.job: task.job_name for task in tasks}
    if not names:
        return {}
    numbers = sorted({job.partition("_")[0] for job in names})
    squeue = ("squeue", "--noheader", "--array", "--states=all", "--format=%i|%j|%T|%M|%R")
    try:
        listed = run_program(*squeue, f"--jobs={','.join(numbers)}")
    except InputError as error:
        if "Invalid job id" in str(error):  # Slurm forgot the only job
            return {}
        raise
    lines = [line.split("|", 4) for line in listed.splitlines()]
    # Job numbers may have started again: then a number belongs to another job, of another name.
    return {
        job: QueueEntry(state, elapsed, where.strip("()"))
        for job, name, state, elapsed, where in lines
        if names.get(job) == name
    }


def statuses(runs: Path, remaining: Callable[[], Collection[str]]) -> list[TaskStatus]:
    """Return the status of the newest task of each run or family that waits, runs or failed.

    `remaining` returns the names of unfinished work. It is called after the queue was read, so that
    a task that ends in between is not reported as lost.
    """
    tasks = submissions.newest(runs)
    queued = entries(tasks.values())
    unfinished = remaining() if tasks else ()
    result = []
    for name, task in tasks.items():
        entry = queued.get(task.job)
        if entry is not None and entry.state not in ENDED:
            running = f"{entry.where}, {entry.elapsed}"
            message = running if entry.state == "RUNNING" else entry.where
            result.append(TaskStatus(task, True, entry.state.lower().replace("_", " "), message))
        elif name in unfinished:
            result += _failed(task, entry)
    return result


def _failed(task: Task, entry: QueueEntry | None) -> list[TaskStatus]:
    """Return the failure of an ended task; empty if it succeeded, and only its study changed."""
    end = task.end()
    if end is None:
        how = f"Slurm says {entry.state}" if entry else "it is not in the queue"
        lost = f"ended before it was done, without a message ({how}); see {task.log}"
        return [TaskStatus(task, False, "failed", lost)]
    if not end.failure:
        return []
    return [TaskStatus(task, False, "failed", end.failure, end.refused)]


def wait(
    look: Callable[[], Sequence[TaskStatus]],
    show: Callable[[TaskStatus], None],
    show_silence: Callable[[str], None] = lambda _: None,
    seconds: float = SECONDS_BETWEEN_LOOKS,
    patience: float = SECONDS_OF_SILENCE,
) -> list[TaskStatus]:
    """Call `look` until no task waits or runs; return the failed tasks.

    Every change of a task's state is shown. A queue that does not answer is asked again, and its
    error is shown once; QueueError is raised after `patience` seconds without an answer.
    """
    before: dict[str, str] = {}
    last_answer, is_silent = time.monotonic(), False
    while True:
        try:
            now = look()
        except QueueError as error:
            if time.monotonic() - last_answer >= patience:
                raise
            if not is_silent:
                show_silence(str(error))
            is_silent = True
            time.sleep(seconds)
            continue
        last_answer, is_silent = time.monotonic(), False
        for each in now:
            if before.get(each.task.job) != each.state:
                show(each)
        before = {each.task.job: each.state for each in now}
        if not any(each.is_active for each in now):
            return list(now)
        time.sleep(seconds)

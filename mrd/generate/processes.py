"""Worker processes: one for each search and each set of images, several at once.

A process that loads thousands of scenes can crash, and a failure must not stop other work. So each
job has its own process and processors, and reports through a pipe.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Literal

from mrd.criterion import recovery
from mrd.generate import python_process
from mrd.generate.progress import JobProgress, StudyProgress
from mrd.rendering import backend
from mrd.rendering.processors import own_processors
from mrd.study import image_plan
from mrd.study.resolved_run import ResolvedRun
from mrd.study.study import Study
from scenes.base.errors import InputError, one_line

SECONDS_BETWEEN_LOOKS = 0.5

# NumPy, SciPy and torch start as many threads as there are processors, unless these are set.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """A search, the images that a family shares (`run`: any of its runs), or those of a run."""

    kind: Literal["search", "family", "series"]
    run: ResolvedRun

    @property
    def name(self) -> str:
        """Name of the job's folder within the folder of the runs."""
        return {
            "search": self.run.name,
            "family": f"families/{self.run.spec.family}",
            "series": f"{self.run.name}/series",
        }[self.kind]

    @property
    def amount(self) -> tuple[int, str]:
        """Number of steps or images, and which of the two."""
        if self.kind == "search":
            return self.run.search.total_steps, "steps"
        count = image_plan.count_of_family if self.kind == "family" else image_plan.count_of_run
        return count(self.run), "images"


@dataclass(frozen=True)
class Outcome:
    """Result of a job, or why it failed."""

    name: str
    judgement: Mapping[str, Any] | None  # content of `criterion.json`; None for images
    failure: str = ""  # why the job failed, in one line
    refused: bool = False  # whether it is an `InputError`, which the user can correct
    images: int = 0  # finished images


def run_jobs(
    jobs: Iterable[Job], study: Study, progress: StudyProgress, workers: int
) -> list[Outcome]:
    """Run jobs in worker processes, `workers` at once; return their outcomes in the same order.

    An interrupt ends the running processes; finished work stays on disk.
    """
    waiting = list(enumerate(jobs))[::-1]
    free = shares(own_processors(), workers)
    active: dict[Connection, _Process] = {}
    outcomes: dict[int, Outcome] = {}
    try:
        while waiting or active:
            while waiting and free:
                number, job = waiting.pop()
                started = _Process(number, job, study, free.pop(), progress)
                active[started.pipe] = started
            for pipe in wait(list(active), timeout=SECONDS_BETWEEN_LOOKS):
                process = active[pipe]  # type: ignore[index]
                if process.has_ended():
                    outcomes[process.number] = process.outcome()
                    free.append(process.share)
                    del active[process.pipe]
    finally:
        for process in active.values():
            process.kill()
    return [outcomes[number] for number in sorted(outcomes)]


def shares(processors: Sequence[int], workers: int) -> list[tuple[int, ...]]:
    """Divide the processors among the workers; two workers share one only if there are too few."""
    return [
        tuple(processors[worker::workers]) or (processors[worker % len(processors)],)
        for worker in range(workers)
    ]


class _Process:
    """A worker process that does one job, and the connection on which it reports."""

    def __init__(
        self, number: int, job: Job, study: Study, share: tuple[int, ...], progress: StudyProgress
    ) -> None:
        self.number, self.share = number, share
        self._job = job
        self._progress: JobProgress = progress.started(job.name, *job.amount)
        self._outcome: Outcome | None = None
        context = multiprocessing.get_context("spawn")
        self.pipe, other_end = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(job, study.name, study.runs, share, other_end), daemon=True
        )
        with _threads(len(share)), python_process.safe_path(), _interrupts_ignored():
            self._process.start()
        other_end.close()  # so that the end of the process closes the pipe

    def has_ended(self) -> bool:
        """Receive one message and show it; return True if the process has ended instead."""
        try:
            kind, *content = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            return True
        if kind == "outcome":
            self._outcome = Outcome(self._job.name, *content)
        else:
            getattr(self._progress, kind)(*content)
        return False

    def outcome(self) -> Outcome:
        """Return the outcome of the ended job, and show it."""
        death = Outcome(self._job.name, None, _death(self._process.exitcode))
        outcome = self._outcome or death
        self._progress.finished(_summary(outcome))
        return outcome

    def kill(self) -> None:
        """Kill the process; finished files are not damaged, and its lock is released at once."""
        self._process.kill()
        self._process.join()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Limit NumPy and torch to `count` threads in processes that are started in the block."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    for name in THREAD_VARIABLES:
        os.environ.setdefault(name, str(count))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Let processes that are started in the block ignore Ctrl-C; their parent ends them.

    During a render, Dr.Jit would report Ctrl-C as an error of its own, and the run would fail.
    """
    if threading.current_thread() is not threading.main_thread():  # only it may set handlers
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _PipeProgress:
    """A `RunProgress` of a worker, which sends every call to the parent process."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def note(self, text: str) -> None:
        self._pipe.send(("note", text))

    def prepared(self, what: str, done: int, total: int) -> None:
        self._pipe.send(("prepared", what, done, total))

    def step(self, row: Mapping[str, float]) -> None:
        self._pipe.send(("step", dict(row)))


def _work(job: Job, study: str, runs: Path, share: tuple[int, ...], pipe: Connection) -> None:
    """Do a job in its worker process, and send its outcome to the parent."""
    if multiprocessing.parent_process() is not None:
        if "SLURM_JOB_ID" in os.environ:
            _ignore_signals_of_slurm()
        threading.Thread(target=_exit_with_parent, daemon=True).start()
        if hasattr(os, "sched_setaffinity"):
            # Before Dr.Jit is imported: it makes a thread for each processor that it may use.
            os.sched_setaffinity(0, share)
    traceback_file = runs / job.name / "traceback.txt"
    try:
        device = backend.activate().device
        ended = _carry_out(job, study, runs, device, _PipeProgress(pipe))
        traceback_file.unlink(missing_ok=True)  # of an earlier attempt
        pipe.send(("outcome", *ended))
    except InputError as error:
        pipe.send(("outcome", None, str(error), True))
    except Exception as error:  # noqa: BLE001  one failed job never stops the others
        with suppress(OSError):  # the disk may be full: report the first error
            traceback_file.write_text(traceback.format_exc(), encoding="utf-8")
        pipe.send(("outcome", None, one_line(error)))


def _carry_out(
    job: Job, study: str, runs: Path, device: str, progress: _PipeProgress
) -> tuple[Mapping[str, Any] | None, str, bool, int]:
    """Do a job; return the fields of its `Outcome` after the name."""
    from mrd.generate import images, one_run  # after the backend is chosen

    if job.kind == "search":
        return one_run.make(job.run, runs, device, progress), "", False, 0
    make = images.make_family if job.kind == "family" else images.make_run
    return None, "", False, make(job.run, study, runs, device, progress)


def _ignore_signals_of_slurm() -> None:
    """Ignore the signals that Slurm sends to all processes of a task; the parent reacts to them."""
    for each in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)


def _exit_with_parent() -> None:
    """End this process when its parent ends, even by kill -9."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _death(exit_code: int | None) -> str:
    """Describe a process that ended without an outcome, and what to do."""
    if exit_code is None or exit_code >= 0:
        return (
            f"its process ended with exit code {exit_code}; what it printed above says why: "
            "correct that, and the same command resumes from its last state"
        )
    if exit_code == -signal.SIGINT or exit_code == -signal.SIGTERM:
        why = ""
    elif exit_code == -9:  # SIGKILL, which Windows does not know
        why = " (unless somebody ended it, memory ran out: lower --workers or the resolution)"
    else:
        why = " (a crash; if it happens again, lower the resolution, and see mrd doctor)"
    return (
        f"its process ended with signal {-exit_code}{why}; the same command resumes from its last "
        "state"
    )


def _summary(outcome: Outcome) -> dict[str, Any]:
    """Return the numbers that are shown when a job ends."""
    if outcome.failure:
        return {"failed": outcome.failure}
    if outcome.judgement is None:
        return {"images": outcome.images}
    return {
        "verdict": recovery.outcome(outcome.judgement),
        "match": outcome.judgement["training"]["match"],
        "held out": outcome.judgement["held_out"]["match"],
    }

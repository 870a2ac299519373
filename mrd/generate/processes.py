"""Work in processes of its own: searches and images, several at once.

A process that loads thousands of scenes can crash, and work that fails must not take the rest
along: so every piece of work (`Job`) has a process of its own, which reports through a pipe.
Several may go on at once, each on processors of its own.
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

from mrd.generate import python_process
from mrd.generate.progress import OpenReport, SweepReport
from mrd.rendering import backend
from mrd.study import image_plan
from mrd.study.study import ResolvedRun, Study
from scenes.base.errors import InputError, one_line

SECONDS_BETWEEN_LOOKS = 0.5

# What else starts as many threads as there are processors, in NumPy, SciPy and torch.
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Job:
    """One piece of work: a search, the images that a family shares, or those of a run.

    Attributes
    ----------
    kind
        Which.
    run
        The run; for a family, any of it.
    """

    kind: Literal["search", "family", "series"]
    run: ResolvedRun

    @property
    def name(self) -> str:
        """Name of its folder, within that of the runs."""
        return {
            "search": self.run.name,
            "family": f"families/{self.run.spec.family}",
            "series": f"{self.run.name}/series",
        }[self.kind]

    @property
    def amount(self) -> tuple[int, str]:
        """How much it is, and of what."""
        if self.kind == "search":
            return self.run.search.total_steps, "steps"
        of = image_plan.of_family if self.kind == "family" else image_plan.of_run
        return of(self.run), "images"


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes
    ----------
    name
        Of the job.
    judgement
        What the `criterion.json` of a search holds; None where it failed, and for images.
    failure
        Why there is nothing to show, in one line; "" where there is.
    refused
        Whether it failed over something that the user can mend (an `InputError`).
    images
        How many there are now.
    """

    name: str
    judgement: Mapping[str, Any] | None
    failure: str = ""
    refused: bool = False
    images: int = 0


def all_done(
    jobs: Iterable[Job], study: Study, progress: SweepReport, workers: int
) -> list[Outcome]:
    """Carry out jobs, so many at once, each in a process of its own; in the order of the jobs.

    An interrupt ends the processes that are at work; what they have finished is kept.
    """
    waiting = list(enumerate(jobs))[::-1]
    free = shares(_processors(), workers)
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
                if process.listened():
                    outcomes[process.number] = process.outcome()
                    free.append(process.share)
                    del active[process.pipe]
    finally:
        for process in active.values():
            process.end()
    return [outcomes[number] for number in sorted(outcomes)]


def _processors() -> list[int]:
    """Numbers of the processors that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def shares(processors: Sequence[int], workers: int) -> list[tuple[int, ...]]:
    """Processors of each worker: dealt out evenly, shared only where there are too few."""
    return [
        tuple(processors[worker::workers]) or (processors[worker % len(processors)],)
        for worker in range(workers)
    ]


class _Process:
    """A job in a process of its own, on some processors, and what is heard of it."""

    def __init__(
        self, number: int, job: Job, study: Study, share: tuple[int, ...], progress: SweepReport
    ) -> None:
        self.number, self.share = number, share
        self._job = job
        self._told: OpenReport = progress.started(job.name, *job.amount)
        self._outcome: Outcome | None = None
        context = multiprocessing.get_context("spawn")
        self.pipe, other_end = context.Pipe(duplex=False)
        self._process = context.Process(
            target=_work, args=(job, study.name, study.runs, share, other_end), daemon=True
        )
        with _threads(len(share)), python_process.safe_path(), _interrupts_unheard():
            self._process.start()
        other_end.close()  # so that its end is heard here

    def listened(self) -> bool:
        """Take one message; True when the process has ended, and nothing more will come."""
        try:
            kind, *content = self.pipe.recv()
        except (EOFError, OSError):
            self._process.join()
            return True
        if kind == "outcome":
            self._outcome = Outcome(self._job.name, *content)
        else:
            getattr(self._told, kind)(*content)
        return False

    def outcome(self) -> Outcome:
        """How the job ended; it is shown."""
        death = Outcome(self._job.name, None, _death(self._process.exitcode))
        outcome = self._outcome or death
        self._told.finished(_summary(outcome))
        return outcome

    def end(self) -> None:
        """End it wherever it is: files are whole or not there, and its lock is free at once."""
        self._process.kill()
        self._process.join()


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Let processes that are started now have so many threads in NumPy and torch."""
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
def _interrupts_unheard() -> Iterator[None]:
    """Let processes that are started now not hear Ctrl-C: it is the parent that ends them.

    Within a render, Dr.Jit would turn it into an error of its own, and the run into a failed one.
    """
    if threading.current_thread() is not threading.main_thread():  # nobody else may set it
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Teller:
    """Sends what a job reports to the process that shows it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def note(self, text: str) -> None:
        self._pipe.send(("note", text))

    def prepared(self, what: str, done: int, total: int) -> None:
        self._pipe.send(("prepared", what, done, total))

    def step(self, row: Mapping[str, float]) -> None:
        self._pipe.send(("step", dict(row)))


def _work(job: Job, study: str, runs: Path, share: tuple[int, ...], pipe: Connection) -> None:
    """What the process of a job does."""
    if multiprocessing.parent_process() is not None:
        if "SLURM_JOB_ID" in os.environ:
            _leave_the_end_to_the_parent()
        threading.Thread(target=_end_with_parent, daemon=True).start()
        if hasattr(os, "sched_setaffinity"):
            # Before Dr.Jit is imported, which makes a thread for each processor that it may use.
            os.sched_setaffinity(0, share)
    where = runs / job.name / "traceback.txt"
    try:
        device = backend.activate().device
        ended = _carried_out(job, study, runs, device, _Teller(pipe))
        where.unlink(missing_ok=True)  # of an earlier attempt
        pipe.send(("outcome", *ended))
    except InputError as error:
        pipe.send(("outcome", None, str(error), True))
    except Exception as error:  # noqa: BLE001  one failed job never stops the others
        with suppress(OSError):  # a full disk: the first error is the one to tell
            where.write_text(traceback.format_exc(), encoding="utf-8")
        pipe.send(("outcome", None, one_line(error)))


def _carried_out(
    job: Job, study: str, runs: Path, device: str, report: _Teller
) -> tuple[Mapping[str, Any] | None, str, bool, int]:
    """Do the job; returns what an `Outcome` holds behind its name."""
    from mrd.generate import images, one_run  # after the backend is chosen

    if job.kind == "search":
        return one_run.make(job.run, runs, device, report), "", False, 0
    make = images.make_family if job.kind == "family" else images.make_run
    return None, "", False, make(job.run, study, runs, device, report)


def _leave_the_end_to_the_parent() -> None:
    """Do not hear what Slurm tells all processes of a task: that its end is near."""
    for each in (signal.SIGTERM, signal.SIGUSR2):
        signal.signal(each, signal.SIG_IGN)


def _end_with_parent() -> None:
    """End this process when the sweep's does, even by kill -9: nobody listens any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _death(exit_code: int | None) -> str:
    """What is said of a process that said nothing before it ended, and what to do."""
    if exit_code is None or exit_code >= 0:
        return (
            f"its process ended with exit code {exit_code}; what it printed above says why: "
            "correct that, and the same command goes on from its last state"
        )
    if exit_code == -signal.SIGINT or exit_code == -signal.SIGTERM:
        why = ""
    elif exit_code == -9:  # SIGKILL, which Windows does not know
        why = " (unless somebody ended it, memory ran out: lower --workers or the resolution)"
    else:
        why = " (a crash; if it comes again, lower the resolution, and see mrd doctor)"
    return (
        f"its process ended with signal {-exit_code}{why}; the same command goes on from its last "
        "state"
    )


def _summary(outcome: Outcome) -> dict[str, Any]:
    """What is said in one line when a run ends."""
    if outcome.failure:
        return {"failed": outcome.failure}
    if outcome.judgement is None:
        return {"images": outcome.images}
    return {
        "verdict": outcome.judgement["verdict"],
        "match": outcome.judgement["training"]["match"],
        "held out": outcome.judgement["held_out"]["match"],
    }

"""Carry out the steps of a study that are due, one after the other.

A step is a command of ``mrd``, the one that a user would type, in a process of its own: what one
step loads (renderer, networks, a window) is gone before the next begins.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mrd.generate import python_process
from mrd.workflow.step_reasons import Step

MRD = "from mrd.cli.main import run; run()"
FAILED = 1


class ChainReport(Protocol):
    """Who is told how it goes."""

    def begins(self, step: Step) -> None:
        """Take note that a step begins."""

    def finished(self, step: Step, seconds: float) -> None:
        """Take note that it is done."""


@dataclass(frozen=True)
class Stop:
    """Why the steps were not all carried out.

    Parameters
    ----------
    step
        The one that failed.
    command
        The words behind ``mrd`` that did.
    code
        What it exited with; for a step that is due still, though all went well, 1.
    again
        Whether the step is due still, though its commands went well.
    """

    step: Step
    command: tuple[str, ...]
    code: int
    again: bool = False


def carried_out(look: Callable[[], list[Step]], report: ChainReport) -> Stop | None:
    """Carry out what is due until nothing is; what is due is looked up anew after every step.

    Parameters
    ----------
    look
        Tells where the steps stand.
    report
        Told how it goes.

    Returns
    -------
    Stop or None
        The first failure; None where there was none.
    """
    tried: set[str] = set()
    while due := [step for step in look() if step.state == "due"]:
        step = due[0]
        if step.name in tried:
            return Stop(step, step.commands[0], FAILED, again=True)
        tried.add(step.name)
        report.begins(step)
        began = time.monotonic()
        for command in step.commands:
            if code := exit_code(command):
                return Stop(step, command, code)
        report.finished(step, time.monotonic() - began)
    return None


def exit_code(words: tuple[str, ...]) -> int:
    """Run a command of ``mrd`` to its end, and return what it exits with."""
    program = subprocess.Popen(python_process.command(MRD, *words))
    with _ending_together(program):
        return program.wait()


@contextmanager
def _ending_together(program: subprocess.Popen[bytes]) -> Iterator[None]:
    """Hand a request to end on to the program; it hears Ctrl-C in the terminal by itself."""
    end = signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    interrupt = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, interrupt)

"""Carry out the remaining steps of a study, one after the other.

Each step runs the commands of ``mrd`` that a user would type, each in its own process, so that
renderer, networks and windows of one step are gone before the next begins.
"""

import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from mrd.generate import python_process
from mrd.workflow.step_reasons import StudyStep

MRD = "from mrd.cli.main import run; run()"
FAILED = 1


class StepsProgress(Protocol):
    """Shows the steps as they are carried out."""

    def begins(self, step: StudyStep) -> None:
        """Show that a step begins."""

    def finished(self, step: StudyStep, seconds: float) -> None:
        """Show that a step is done, and how long it took."""


@dataclass(frozen=True)
class Stop:
    """The step that failed, and its command."""

    step: StudyStep
    command: tuple[str, ...]  # words after ``mrd``
    code: int  # exit code of the command; 1 if it succeeded but the step remains
    again: bool = False  # whether its commands succeeded, but the step remains


def carried_out(look: Callable[[], list[StudyStep]], progress: StepsProgress) -> Stop | None:
    """Run the remaining steps; before each, read the state of all steps again.

    Parameters
    ----------
    look
        Returns the steps with their state.
    progress
        Shows the progress.

    Returns
    -------
    Stop or None
        The first failure; None if there was none.
    """
    attempted: set[str] = set()
    while remaining := [step for step in look() if step.state == "due"]:
        step = remaining[0]
        if step.name in attempted:
            return Stop(step, step.commands[0], FAILED, again=True)
        attempted.add(step.name)
        progress.begins(step)
        began = time.monotonic()
        for command in step.commands:
            if code := exit_code(command):
                return Stop(step, command, code)
        progress.finished(step, time.monotonic() - began)
    return None


def exit_code(words: tuple[str, ...]) -> int:
    """Run a command of ``mrd`` until it ends, and return its exit code."""
    program = subprocess.Popen(python_process.command(MRD, *words))
    with _signals_passed_to(program):
        return program.wait()


@contextmanager
def _signals_passed_to(program: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass SIGTERM to the program, and ignore Ctrl-C, which the terminal sends to both."""
    end = signal.signal(signal.SIGTERM, lambda *_: program.terminate())
    interrupt = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, end)
        signal.signal(signal.SIGINT, interrupt)

"""Many runs: the grid of a study, a process for each search.

A process that loads thousands of scenes can crash, and a run that fails must not take the others
along: so every run has a process of its own, which reports through a queue.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import traceback
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrd import backend
from mrd.config import ModelConfig
from mrd.report import SweepReport
from mrd.run import RunDirectory
from mrd.study import ResolvedRun, Study, resolve_all
from scenes.errors import InputError, one_line

SECONDS_BETWEEN_LOOKS = 0.5


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes
    ----------
    name
        Of the run.
    judgement
        What its `criterion.json` holds; None where it failed.
    failure
        Why there is no judgement, in one line; "" where there is one.
    refused
        Whether it failed over something that the user can mend (an `InputError`).
    """

    name: str
    judgement: Mapping[str, Any] | None
    failure: str = ""
    refused: bool = False


def generate(study: Study, progress: SweepReport) -> list[Outcome]:
    """Carry out every run of a study that is not done, half done ones from where they stopped.

    Raises
    ------
    InputError
        Before anything is rendered or written, when a file, a layer or the machine is wrong.
    """
    runs = resolve_all(study)
    due = [run for run in runs if not _is_done(study.runs / run.name)]
    if due:
        check(due)
    for run in due:  # an unwritable folder is found out before the first render
        RunDirectory(study.runs / run.name).create(run.record)
    return [
        _carried_out(run, study.runs, progress) if run in due else _done(study.runs / run.name)
        for run in runs
    ]


def check(runs: list[ResolvedRun]) -> None:
    """Look at all that can be wrong before the first expensive second; renders and writes nothing.

    Raises
    ------
    InputError
        No usable backend, a layer or weights that do not exist, images of a size that a network
        cannot take, a target or a start that a search cannot represent.
    """
    backend.activate()
    from mrd.representation import represented, start_scene  # torch and Mitsuba: only now

    _check_models(runs)
    for run in runs:
        try:
            starts: dict[str, Any] = {
                name: getattr(run.start, name) for name in run.search.attributes
            }
            start_scene(represented(run.target, run.search), starts, run.search)
        except InputError as error:
            raise InputError(f"searches.{run.spec.search}: {error}") from error


def _check_models(runs: list[ResolvedRun]) -> None:
    """Make every model once, and show it one black image of each size that it will see."""
    import torch

    from mrd.models import registry

    models: dict[str, ModelConfig] = {run.spec.model: run.model for run in runs}
    for name, config in models.items():
        try:
            model = registry.create(config)
        except InputError as error:
            raise InputError(f"models.{name}: {error}") from error
        seen = {run.target.cameras.resolution: run for run in runs if run.spec.model == name}
        for resolution, run in seen.items():
            try:
                with torch.no_grad():
                    model.activations(torch.zeros(1, 3, resolution, resolution))
            except InputError as error:
                where = f"models.{name} on targets.{run.spec.target}"
                raise InputError(f"{where}: {error}") from error


def _carried_out(run: ResolvedRun, runs: Path, progress: SweepReport) -> Outcome:
    """Carry out one run in a process of its own."""
    progress.started(run.name, run.search.total_steps)
    context = multiprocessing.get_context("spawn")
    told: Any = context.Queue()
    process = context.Process(target=_work, args=(run, runs, told), daemon=True)
    process.start()
    outcome = None
    while outcome is None:
        try:
            kind, *content = told.get(timeout=SECONDS_BETWEEN_LOOKS)
        except queue.Empty:
            if not process.is_alive() and told.empty():
                outcome = Outcome(run.name, None, _death(process.exitcode))
            continue
        if kind == "outcome":
            outcome = Outcome(run.name, *content)
        else:
            getattr(progress, kind)(*content)
    process.join()
    progress.finished(run.name, _summary(outcome))
    return outcome


class _Teller:
    """Sends what a run reports to the process that shows it."""

    def __init__(self, told: Any) -> None:
        self._told = told

    def note(self, text: str) -> None:
        self._told.put(("note", text))

    def prepared(self, what: str, done: int, total: int) -> None:
        self._told.put(("prepared", what, done, total))

    def step(self, row: Mapping[str, float]) -> None:
        self._told.put(("step", dict(row)))


def _work(run: ResolvedRun, runs: Path, told: Any) -> None:
    """What the process of a run does."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    where = runs / run.name / "traceback.txt"
    try:
        device = backend.activate().device
        from mrd import metamer  # after the backend is chosen

        judgement = metamer.make(run, runs, device, _Teller(told))
        where.unlink(missing_ok=True)  # of an earlier attempt
        told.put(("outcome", judgement))
    except KeyboardInterrupt:
        told.put(("outcome", None, "interrupted"))
    except InputError as error:
        told.put(("outcome", None, str(error), True))
    except Exception as error:  # noqa: BLE001  one failed run never stops the others
        with suppress(OSError):  # a full disk: the first error is the one to tell
            where.write_text(traceback.format_exc(), encoding="utf-8")
        told.put(("outcome", None, one_line(error)))


def _end_with_parent() -> None:
    """End this process when the sweep's does, even by kill -9: nobody listens any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _is_done(folder: Path) -> bool:
    directory = RunDirectory(folder)
    return directory.exists and directory.status() == "done"


def _done(folder: Path) -> Outcome:
    return Outcome(folder.name, RunDirectory(folder).read_json("criterion.json"))


def _death(exit_code: int | None) -> str:
    """A process that said nothing before it ended."""
    how = f"signal {-exit_code}" if exit_code and exit_code < 0 else f"exit code {exit_code}"
    return f"its process ended with {how}; the same command goes on from its last state"


def _summary(outcome: Outcome) -> dict[str, Any]:
    """What is said in one line when a run ends."""
    if outcome.judgement is None:
        return {"failed": outcome.failure}
    return {
        "verdict": outcome.judgement["verdict"],
        "match": outcome.judgement["training"]["match"],
        "held out": outcome.judgement["held_out"]["match"],
    }

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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mrd import backend
from mrd.config import ModelConfig
from mrd.report import SweepReport
from mrd.run import RunDirectory
from mrd.study import ResolvedRun, Study, resolve_all
from scenes.camera import cameras
from scenes.errors import InputError
from scenes.scene import Scene, write_scene

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
    """

    name: str
    judgement: Mapping[str, Any] | None
    failure: str = ""


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
    """Look at all that can be wrong before the first expensive second.

    Raises
    ------
    InputError
        No usable backend, a layer or weights that do not exist, a target or a start that a search
        cannot represent.
    """
    backend.activate()
    from mrd.models import registry  # torch and Mitsuba: only once there is work to do
    from mrd.representation import represented, start_scene

    models: dict[str, ModelConfig] = {run.spec.model: run.model for run in runs}
    for name, model in models.items():
        try:
            registry.create(model)
        except InputError as error:
            raise InputError(f"models.{name}: {error}") from error
    for run in runs:
        try:
            starts: dict[str, Any] = {
                name: getattr(run.start, name) for name in run.search.attributes
            }
            start_scene(represented(run.target, run.search), starts, run.search)
        except InputError as error:
            raise InputError(f"searches.{run.spec.search}: {error}") from error


def render_scene(scene: Scene, out: Path, samples: int, seed: int) -> Iterator[Path]:
    """Render a loaded scene through each of its cameras: linear EXR, display PNG, scene.json.

    Yields
    ------
    Path
        Every image, as it is written.

    Raises
    ------
    InputError
        No usable backend, or the folder cannot be written.
    """
    device = device_of(backend.activate())
    from mrd import pictures
    from mrd.render import Stage, display, exposed

    fixed = exposed(scene)
    write_scene(fixed, out)
    stage = Stage(fixed, device=device)
    for view in cameras(fixed.cameras):
        linear = stage.photographs([view], samples, seed)
        pictures.write_exr(out / f"{view.name}.exr", linear[0])
        yield out / f"{view.name}.exr"
        pictures.write_png(
            out / f"{view.name}.png", pictures.to_bytes(display(linear, fixed.film))[0]
        )
        yield out / f"{view.name}.png"


def device_of(chosen: backend.Backend) -> str:
    """Torch's device beside Mitsuba's backend."""
    return "cuda" if chosen.variant.startswith("cuda") else "cpu"


def _carried_out(run: ResolvedRun, runs: Path, progress: SweepReport) -> Outcome:
    """Carry out one run in a process of its own."""
    progress.started(run.name, run.search.steps)
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
    try:
        device = device_of(backend.activate())
        from mrd import metamer  # after the backend is chosen

        told.put(("outcome", metamer.make(run, runs, device, _Teller(told)), ""))
    except KeyboardInterrupt:
        told.put(("outcome", None, "interrupted"))
    except Exception as error:  # noqa: BLE001  one failed run never stops the others
        (runs / run.name).mkdir(parents=True, exist_ok=True)
        (runs / run.name / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        told.put(("outcome", None, " ".join(f"{error}".split()) or type(error).__name__))


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

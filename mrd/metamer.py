"""One run, from a resolved search to a judged result on disk.

The order is that of a method section: expose and represent the target, measure null and ceiling,
search, judge the result with fresh noise, measure the physical difference, show it.
Import this module only after ``mrd.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from mrd import pictures
from mrd.config import SearchConfig
from mrd.criterion import Measures, Verdict, judge, match, measures
from mrd.models import registry
from mrd.models.base import Model
from mrd.reference import Reference, reference, seen
from mrd.render import Stage, exposed
from mrd.representation import represented, start_scene, texture_coordinates
from mrd.run import RunDirectory
from mrd.search import Search
from mrd.study import ResolvedRun
from scenes.camera import Camera, Ring, cameras
from scenes.differences import scene_difference
from scenes.scene import Scene, write_scene

TURNTABLE_SAMPLES = 36


class Report(Protocol):
    """Who is told how a run goes."""

    def note(self, text: str) -> None:
        """Something happened, in one line."""

    def prepared(self, what: str, done: int, total: int) -> None:
        """Null or ceiling, so many of so many."""

    def step(self, row: dict[str, float]) -> None:
        """A step was made: its row of the history, with "of", the number of all steps."""


def make(run: ResolvedRun, runs: Path, device: str, report: Report) -> dict[str, Any]:
    """Carry a run out, or on from where it was stopped; returns what `criterion.json` holds.

    Parameters
    ----------
    run
        The resolved run.
    runs
        Folder of the run directories; references are kept in its folder ``references``.
    device
        Of torch tensors.
    report
        Told of every step.
    """
    directory = RunDirectory(runs / run.name)
    directory.create(run.record)
    with directory.claim():
        model = registry.create(run.model, device)
        target, start = prepared(run)
        write_scene(target, directory.path / "target")
        write_scene(start, directory.path / "start")
        against = reference(
            target, run.search, model, run.record["seeds"]["study"], runs / "references",
            device, report.prepared,
        )
        search = _searched(run, start, against, model, directory, device, report)
        result = search.scene()
        write_scene(result, directory.path / "result")
        coordinates = texture_coordinates(run.search, target)
        scenes = {"target": target, "start": start, "result": result}
        stages = {
            name: Stage(scene, texture_coordinates=coordinates, device=device)
            for name, scene in scenes.items()
        }
        images = {
            name: seen(stage, against.views, run.search.samples.score, index=0)
            for name, stage in stages.items()
        }
        judgement = _judged(run, target, result, images["result"], against, model)
        directory.write_json("criterion.json", judgement)
        _show(run, directory, images, stages, judgement, against.views)
        directory.finish(judgement["verdict"])
    return judgement


def prepared(run: ResolvedRun) -> tuple[Scene, Scene]:
    """Target and start: exposed once on the target, and in the search's one representation."""
    family = exposed(run.target)
    target = represented(family, run.search)
    starts = {name: getattr(run.start, name) for name in run.search.attributes}
    return target, start_scene(target, starts, run.search)


def training(views: Sequence[Camera]) -> list[int]:
    """Indices of the cameras that a search sees."""
    return [index for index, view in enumerate(views) if not view.held_out]


def held_out(views: Sequence[Camera]) -> list[int]:
    """Indices of the cameras that it never sees."""
    return [index for index, view in enumerate(views) if view.held_out]

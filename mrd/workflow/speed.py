"""Speed of this machine: from finished runs of the study, or from a few small renders."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from mrd.rendering import backend
from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from mrd.workflow.standings import RunStatus
from mrd.workflow.work_amounts import Work, pixels_of, search_work
from scenes.base.errors import InputError
from scenes.camera import cameras

FEW_SAMPLES, MORE_SAMPLES = 1, 33
REPEATS = 3  # the fastest counts: other programs only slow a render down
GRADIENTS = 3.0  # time of a render or network with its gradient, over the time without


@dataclass(frozen=True)
class Speed:
    """Seconds for one unit of each kind of `Work`; defaults were measured on two processors."""

    process: float = 8.0
    scene: float = 0.02
    image: float = 0.01
    sample: float = 2e-7
    evaluation: float = 0.03

    def seconds(self, work: Work) -> float:
        """Return the expected seconds of an amount of work."""
        return (
            work.processes * self.process
            + work.scenes * self.scene
            + work.images * self.image
            + work.samples * self.sample
            + work.evaluations * self.evaluation
        )

    def seconds_of_step(self, work: Work) -> float:
        """Return the expected seconds of a step; `work` are its renders without gradients."""
        return GRADIENTS * self.seconds(work)

    def scaled(self, factor: float) -> Speed:
        """Return the speed if renders and networks take `factor` times as long."""
        return replace(
            self,
            scene=factor * self.scene,
            image=factor * self.image,
            sample=factor * self.sample,
            evaluation=factor * self.evaluation,
        )


def reference_key(run: ResolvedRun) -> tuple[str, str, str]:
    """Return target, search and model: runs that share them have the same null and ceiling."""
    return run.spec.target, run.spec.search, run.spec.model


def speed_of_runs(
    statuses: Sequence[RunStatus], directories: Sequence[RunDirectory]
) -> Speed | None:
    """Return the speed at which finished runs were scored; None if no run was timed.

    Only runs of a single session are used: others waited in between. Null and ceiling are counted
    for the oldest run of each target, search and model, which computed them.
    """
    timed = []
    for each, directory in zip(statuses, directories, strict=True):
        if each.status == "done":
            record = directory.record()
            steps = sum(row["seconds"] for row in directory.history())
            taken = _seconds_between(record["started"], record["finished"]) - steps
            if len(record["sessions"]) == 1 and taken > 0:
                timed.append((record["started"], each.run, taken))
    seen: set[tuple[str, str, str]] = set()
    expected = 0.0
    for _, run, _ in sorted(timed, key=lambda each: each[0]):
        work = search_work(run, has_references=reference_key(run) in seen)
        expected += Speed().seconds(sum((w for k, w in work.items() if k != "start-up"), Work()))
        seen.add(reference_key(run))
    if not expected:
        return None
    return Speed().scaled(sum(taken for *_, taken in timed) / expected)


def speed_of_renders(run: ResolvedRun) -> Speed | None:
    """Return the speed of a few renders of a run's target; None if this machine cannot render."""
    try:
        on_cpu = backend.activate().device == "cpu"
    except InputError:
        return None
    from mrd.rendering.stage import Stage, with_film

    scene = with_film(run.target, exposure=1.0)
    view = cameras(scene.cameras)[0]
    stage = Stage(scene)
    stage.photographs([view], FEW_SAMPLES, 0)  # compiles
    few, more = (
        _fastest(partial(stage.photographs, [view], samples), on_cpu)
        for samples in (FEW_SAMPLES, MORE_SAMPLES)
    )
    sample = max(more - few, 0.0) / ((MORE_SAMPLES - FEW_SAMPLES) * pixels_of(run))
    return replace(
        Speed(),
        scene=_fastest(lambda _: Stage(scene), on_cpu),
        image=max(few - FEW_SAMPLES * pixels_of(run) * sample, 0.0),
        sample=sample,
    )


def with_network(speed: Speed, run: ResolvedRun) -> Speed:
    """Return the speed with the measured time of a run's network for one image."""
    import torch

    from mrd.models import registry

    device = backend.activate().device
    model = registry.create(run.model, device)
    side = run.target.cameras.resolution
    image = torch.zeros(1, 3, side, side, device=device)

    def evaluate(_: int) -> list[float]:
        return [float(each.sum()) for each in model.activations(image).values()]  # waits for a GPU

    with torch.no_grad():
        return replace(speed, evaluation=_fastest(evaluate, device == "cpu"))


def _fastest(work: Callable[[int], object], on_cpu: bool) -> float:
    """Return the seconds of the fastest of several calls; `work` receives the number of the call.

    On the CPU, return the processor time if it is less: it does not include waiting.
    """
    seconds = []
    for number in range(1, REPEATS + 1):
        began, processor_began = time.perf_counter(), time.process_time()
        work(number)
        seconds.append(time.perf_counter() - began)
        if on_cpu:
            seconds.append(time.process_time() - processor_began)
    return min(seconds)


def _seconds_between(started: str | None, finished: str | None) -> float:
    """Return the seconds between two times in ISO format; 0 if one is missing."""
    if not started or not finished:
        return 0.0
    return (datetime.fromisoformat(finished) - datetime.fromisoformat(started)).total_seconds()

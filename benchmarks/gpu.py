"""The seed paper's size on a GPU: seconds of a step, and its copies to or from the host.

25 cameras of 256², 64 samples per pixel, an untrained ResNet-50 (so that nothing is downloaded). A
step has one view, for the search and for the seed paper's loop; loop, step and its raw parts are
timed in turn on the same GPU.

Prints ``gpu_step_seconds``, ``gpu_baseline_seconds``, ``gpu_step_ratio`` (baseline ÷ ours),
``gpu_step_overhead`` (step ÷ sum of its raw parts) and ``gpu_largest_copy`` (bytes of the largest
copy between host and device in a step). Without a GPU it prints one line and exits with 2.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.figure import figure


@dataclass(frozen=True)
class Size:
    """Size of the search and of its timing."""

    cameras: int = 25
    resolution: int = 256  # pixels of a side
    samples: int = 64  # per pixel, of primal and adjoint renders
    network: str = "resnet50"  # untrained
    layer: str = "layer4"  # the layer that is matched
    subdivisions: int = 4  # of the sphere at the start
    steps: int = 30  # timed steps
    warm_up: int = 10  # steps before them, in which kernels are compiled


@dataclass(frozen=True)
class Subject:
    """A search at its start, with its scenes, settings, model and target activations."""

    target: Any
    start: Any
    config: Any
    model: Any
    wanted: Any
    search: Any


def subject(size: Size, device: str) -> Subject:
    """Return the search of the bunny from a sphere; call `backend.activate` first."""
    import numpy as np
    import torch

    from mrd.criterion.bench import Bench, display_images
    from mrd.models import registry
    from mrd.rendering.representation import represented, start_scene
    from mrd.rendering.stage import exposed
    from mrd.rendering.to_mitsuba import form_of
    from mrd.search.loop import Search
    from mrd.search.match import Match
    from mrd.study.model_section import ModelConfig
    from mrd.study.search_groups import Samples, StartConfig
    from mrd.study.search_section import SearchConfig
    from scenes import library
    from scenes.camera import Ring, cameras
    from scenes.shape import Sphere

    config = SearchConfig(
        attributes=("shape",),
        remeshing=None,  # the raw parts have the mesh of the start
        start=StartConfig(shape=Sphere(subdivisions=size.subdivisions)),
        views_per_step=1,
        samples=Samples(primal=size.samples, adjoint=size.samples),
    )
    scene = library.scene("bunny").model_copy(
        update={"cameras": Ring(count=size.cameras, resolution=size.resolution)}
    )
    target = represented(exposed(scene.loaded()), config)
    start = start_scene(target, config.starts(), config)
    model = registry.create(
        ModelConfig(network=size.network, layers=(size.layer,), weights="none"), device
    )
    views = cameras(target.cameras)
    bench = Bench(model, form_of(target), device)
    stage = bench.stage(target)
    with torch.no_grad():
        images = [display_images(stage, [view], size.samples, noise=0) for view in views]
        wanted = {size.layer: torch.cat([model.activations(each)[size.layer] for each in images])}
    search = Search(start, wanted, views, bench, config, np.random.default_rng(1), Match())
    return Subject(target, start, config, model, wanted[size.layer], search)


def seconds(size: Size, device: str) -> dict[str, float]:
    """Return median seconds of a step, of each raw part, and of a step of the baseline."""
    from benchmarks.baseline import baseline
    from benchmarks.clock import timed
    from benchmarks.parts import raw_parts

    bunny = subject(size, device)
    parts = raw_parts(bunny.start, bunny.config, bunny.model, bunny.wanted[:1], size.layer)
    loop = baseline(bunny.target, bunny.start, bunny.model, 1, size.layer, size.samples)
    calls: dict[str, Callable[[], float]] = {
        "step": lambda: timed(bunny.search.step),
        **{part.__name__: lambda part=part: timed(part) for part in parts},  # type: ignore[misc]
        "baseline": _steps_of(loop).__next__,
    }
    found: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(size.warm_up + size.steps):
        for name, call in calls.items():
            taken = call()
            if number >= size.warm_up:
                found[name].append(taken)
    return {name: median(values) for name, values in found.items()}


def _steps_of(loop: Iterator[tuple[float, object]]) -> Iterator[float]:
    """Return the seconds of each step of a loop that yields its total busy time."""
    before: float | None = None
    for busy, _ in loop:
        if before is not None:
            yield busy - before
        before = busy


def ratios(taken: dict[str, float]) -> dict[str, float]:
    """Return the figures of median seconds: baseline ÷ step, and step ÷ sum of its parts."""
    raw = sum(taken[part] for part in ("primal", "adjoint", "both_passes"))
    return {
        "gpu_step_seconds": taken["step"],
        "gpu_baseline_seconds": taken["baseline"],
        "gpu_step_ratio": taken["baseline"] / taken["step"],
        "gpu_step_overhead": taken["step"] / raw,
    }


def copies(call: Callable[[], object]) -> list[int]:
    """Return the bytes of every copy between host and device during a call, largest first."""
    import torch
    from torch.profiler import ProfilerActivity, profile

    from benchmarks.clock import settle

    activities = [ProfilerActivity.CPU]
    if torch.cuda.is_available():
        activities.append(ProfilerActivity.CUDA)
    settle()
    with profile(activities=activities) as found:
        call()
        settle()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "trace.json"
        found.export_chrome_trace(str(path))
        events = json.loads(path.read_text())["traceEvents"]
    moved = [
        int(event["args"]["bytes"])
        for event in events
        if event.get("cat") == "gpu_memcpy" and ("HtoD" in event["name"] or "DtoH" in event["name"])
    ]
    return sorted(moved, reverse=True)


def main() -> int:
    """Measure on the GPU; return 2 if there is none."""
    from mrd.rendering import backend

    chosen = backend.activate()
    if chosen.device != "cuda":
        print(f"error: benchmarks.gpu needs a GPU: {chosen.reason}", file=sys.stderr)
        return 2
    import torch

    size, card = Size(), torch.cuda.get_device_name(0)
    taken = seconds(size, "cuda")
    for name, value in ratios(taken).items():
        figure(name, value, card=card, seconds=taken)
    bunny = subject(size, "cuda")
    for _ in range(size.warm_up):
        bunny.search.step()
    moved = copies(bunny.search.step)
    figure("gpu_largest_copy", moved[0] if moved else 0, card=card, copies=len(moved))
    return 0


if __name__ == "__main__":
    sys.exit(main())

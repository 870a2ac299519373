"""Time that replaying recorded kernels saves in adjoints of material and light.

Prints, for each attribute: ``frozen_speedup``, seconds of an adjoint render traced again ÷ replayed
(with the largest relative difference of their gradients), for one sample per pixel and for the
default; and ``tracing_share``, the part of a search step that is neither kernels nor network.
A shape is never replayed; its share of tracing is reported for comparison.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median
from typing import Any

from benchmarks.figure import figure

REPEATS = 30
WARM_UP = 6  # two recordings, and a third when a sensor's numbers first differ


def main() -> None:
    """Time adjoints and steps of searches of the bunny."""
    from mrd.rendering import backend

    backend.activate()
    for attribute in ("material", "lighting"):
        for samples in (1, None):
            speedup(attribute, samples)
    for attribute in ("material", "lighting", "shape"):
        tracing_share(attribute)


def search_of(attribute: str) -> Any:
    """Return a search with default settings, at the size of the other benchmarks."""
    import numpy as np

    from benchmarks.subject import RESOLUTION, VIEWS, network
    from mrd.criterion.bench import Bench
    from mrd.criterion.null_and_ceiling import target_activations
    from mrd.rendering.representation import form_of_family, represented, start_scene
    from mrd.rendering.stage import exposed
    from mrd.search.loop import Search
    from mrd.search.match import Match
    from mrd.study.search_section import SearchConfig
    from scenes import library
    from scenes.camera import Ring, cameras

    config = SearchConfig(attributes=(attribute,))
    scene = library.scene("bunny").model_copy(
        update={"cameras": Ring(count=VIEWS, resolution=RESOLUTION)}
    )
    target = represented(exposed(scene.loaded()), config)
    views = cameras(target.cameras)
    bench = Bench(network(("head",)), form_of_family(config, target))
    start = start_scene(target, config.starts(), config)
    activations = target_activations(target, config, bench, views)
    return Search(start, activations, views, bench, config, np.random.default_rng(1), Match())


def speedup(attribute: str, samples: int | None) -> None:
    """Time one view's adjoint, traced and replayed in turn, with variables that change between."""
    import torch

    from mrd.rendering.stage import Stage
    from mrd.rendering.to_mitsuba import surface_integrator
    from mrd.search.variables.base import mitsuba_values
    from scenes.camera import cameras

    search = search_of(attribute)
    samples = samples or search.config.samples.adjoint
    views = cameras(search.start.cameras)
    integrator = surface_integrator(search.start)
    stages = {"traced": Stage(search.start), "replayed": Stage(search.start, frozen=True)}
    noise = torch.Generator().manual_seed(1)
    gradient = 1e-3 * torch.randn(1, 3, views[0].height, views[0].width, generator=noise)
    seconds: dict[str, list[float]] = {name: [] for name in stages}
    differences = []
    for number in range(WARM_UP + REPEATS):
        search.step()
        values = mitsuba_values(search.moving.variables)
        found = {}
        for name, stage in stages.items():
            stage.move(values)
            view = [views[number % len(views)]]
            adjoint = lambda stage=stage, view=view, seed=number: stage.adjoint(  # noqa: E731
                integrator, view, gradient, samples, [seed]
            )
            taken, found[name] = timed(adjoint)
            if number >= WARM_UP:
                seconds[name].append(taken)
        differences += [
            float((found["traced"][key] - found["replayed"][key]).norm() / traced.norm())
            for key, traced in found["traced"].items()
        ]
    medians = {name: median(values) for name, values in seconds.items()}
    figure(
        "frozen_speedup",
        medians["traced"] / medians["replayed"],
        attribute=attribute,
        samples=samples,
        milliseconds={name: 1000 * value for name, value in medians.items()},
        gradient_difference=max(differences),
    )


def tracing_share(attribute: str) -> None:
    """Measure the part of a step that is neither kernels nor network."""
    import drjit as dr

    search = search_of(attribute)
    stage = search.moving.stage
    rendering: list[float] = []

    def clocked(call: Callable[..., Any]) -> Callable[..., Any]:
        def inner(*arguments: Any) -> Any:
            taken, result = timed(lambda: call(*arguments))
            rendering.append(taken)
            return result

        return inner

    for name in ("move", "radiance", "adjoint"):
        setattr(stage, name, clocked(getattr(stage, name)))
    steps, tracing = [], []
    with dr.scoped_set_flag(dr.JitFlag.KernelHistory, True):
        for number in range(WARM_UP + REPEATS):
            rendering.clear()
            dr.kernel_history_clear()
            taken, _ = timed(search.step)
            dr.sync_thread()
            kernels = sum(entry["execution_time"] for entry in dr.kernel_history()) / 1000
            if number >= WARM_UP:
                steps.append(taken)
                tracing.append(max(sum(rendering) - kernels, 0) / taken)
    figure("tracing_share", median(tracing), attribute=attribute, step_seconds=median(steps))


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds that a call takes, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


if __name__ == "__main__":
    main()

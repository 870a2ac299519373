"""What a search step costs beyond its raw parts: Mitsuba's primal and adjoint, torch's two passes.

Same scene, sizes and samples for both; step and parts are timed in turn, so that what else the
machine does falls on both alike. Prints ``step_overhead``, median step ÷ sum of median parts.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

from benchmarks.figure import figure

STEPS = 60
WARM_UP = 10  # kernels are compiled in the first steps


def main() -> None:
    """Time steps of a shape search, and its parts."""
    from mrd import backend

    backend.activate()
    import drjit as dr
    import mitsuba as mi
    import numpy as np
    import torch

    from benchmarks.subject import network, scenes_of, shape_search
    from mrd import to_mitsuba
    from mrd.reference import seen
    from mrd.render import Stage
    from mrd.search import Search
    from scenes.camera import cameras

    config = shape_search()
    target, start = scenes_of(config)
    views = cameras(target.cameras)
    model = network(("head",))
    activations = model.activations(seen(Stage(target), views, 16, index=0))
    search = Search(start, activations, views, model, config, np.random.default_rng(1))

    scene = to_mitsuba.to_mitsuba(start)
    parameters = mi.traverse(scene)
    sensors = [to_mitsuba.sensor(view) for view in views[: config.views_per_step]]
    surface = to_mitsuba.surface_integrator(start)
    silhouette = to_mitsuba.silhouette_integrator(start, config.samples.boundary)
    size = (len(sensors), 3, views[0].height, views[0].width)
    images = torch.rand(size, requires_grad=True)
    gradient = mi.TensorXf(np.full((views[0].height, views[0].width, 3), 1e-3, np.float32))
    wanted = activations["head"][: len(sensors)]

    def primal() -> None:
        with dr.suspend_grad():
            for number, sensor in enumerate(sensors):
                dr.eval(
                    mi.render(
                        scene,
                        sensor=sensor,
                        integrator=surface,
                        spp=config.samples.primal,
                        seed=number,
                    )
                )
        dr.sync_thread()

    def adjoint() -> None:
        vertices = dr.detach(parameters[to_mitsuba.VERTICES])
        dr.enable_grad(vertices)
        parameters[to_mitsuba.VERTICES] = vertices
        parameters.update()
        for number, sensor in enumerate(sensors):
            silhouette.render_backward(
                scene, parameters, gradient, sensor, seed=number, spp=config.samples.adjoint
            )
        dr.eval(dr.grad(vertices))
        dr.sync_thread()

    def both_passes() -> None:
        error = (model.activations(images)["head"] - wanted).square().mean()
        torch.autograd.grad(error, images)

    parts = (primal, adjoint, both_passes)
    seconds: dict[str, list[float]] = {
        name: [] for name in ("step", *(part.__name__ for part in parts))
    }
    for number in range(WARM_UP + STEPS):
        for name, call in zip(seconds, (search.step, *parts), strict=True):
            taken = timed(call)
            if number >= WARM_UP:
                seconds[name].append(taken)
    medians = {name: median(values) for name, values in seconds.items()}
    raw = sum(medians[part.__name__] for part in parts)
    figure("step_overhead", medians["step"] / raw, seconds=medians)


def timed(call: Callable[[], object]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()

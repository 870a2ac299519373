"""The raw parts of a search step: Mitsuba's primal and adjoint, and torch's two passes."""

from __future__ import annotations

from collections.abc import Callable

import drjit as dr
import mitsuba as mi
import numpy as np
import torch

from mrd.models.base import Model
from mrd.rendering import to_mitsuba
from mrd.study.search_section import SearchConfig
from scenes.camera import cameras
from scenes.scene import Scene


def raw_parts(
    start: Scene, config: SearchConfig, model: Model, wanted: torch.Tensor, layer: str
) -> tuple[Callable[[], None], ...]:
    """Return the functions ``primal``, ``adjoint`` and ``both_passes`` of a shape search's step.

    `wanted` (V, …) are the target's activations of `layer` for the step's views, on the network's
    device.
    """
    scene = to_mitsuba.to_mitsuba(start)
    parameters = mi.traverse(scene)
    views = cameras(start.cameras)[: config.views_per_step]
    sensors = [to_mitsuba.sensor(view) for view in views]
    surface = to_mitsuba.surface_integrator(start)
    silhouette = to_mitsuba.silhouette_integrator(start, config.samples.boundary)
    height, width = views[0].height, views[0].width
    images = torch.rand((len(views), 3, height, width), device=wanted.device, requires_grad=True)
    gradient = mi.TensorXf(np.full((height, width, 3), 1e-3, np.float32))

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
        error = (model.activations(images)[layer] - wanted).square().mean()
        torch.autograd.grad(error, images)

    return primal, adjoint, both_passes

"""The seed paper's loop, written from a description of its public code.

Two faults of that code are corrected, so that the comparison is fair: the network gets unscrambled
pixels, and target and render have the same tone curve. For every view: a render that keeps its
gradient graph, with Mitsuba's default octree guiding; L1 on the last feature map, with the target's
activation computed again; backward; one optimiser step; three more forward passes for its log.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import drjit as dr
import mitsuba as mi
import numpy as np
import torch

from benchmarks.clock import settle
from benchmarks.subject import SCORING_LAYER
from mrd.models.base import Model
from mrd.rendering import to_mitsuba
from mrd.rendering.stage import display
from scenes.arrays import Mesh
from scenes.camera import cameras
from scenes.scene import Scene
from scenes.shape import MeshShape, geometry

SAMPLES = 16
SMOOTHNESS = 15.0
LEARNING_RATE = 0.1
PASSES_FOR_ITS_LOG = 3


def baseline(
    target: Scene,
    start: Scene,
    model: Model,
    seed: int,
    layer: str = SCORING_LAYER,
    samples: int = SAMPLES,
) -> Iterator[tuple[float, Scene]]:
    """Run the loop without end; yield (busy seconds, scene) after every optimiser step.

    A step has one view, and its time includes its work on a GPU.
    """
    began = time.perf_counter()
    views = cameras(target.cameras)
    integrator = mi.load_dict({"type": "direct_projective"})
    with dr.suspend_grad():
        scene = to_mitsuba.to_mitsuba(target)
        targets = [
            mi.render(
                scene, sensor=to_mitsuba.sensor(view), integrator=integrator, spp=256, seed=1
            ).torch()
            for view in views
        ]
    scene = to_mitsuba.to_mitsuba(start)
    sensors = [to_mitsuba.sensor(view) for view in views]
    parameters = mi.traverse(scene)
    smooth = mi.ad.LargeSteps(
        parameters[to_mitsuba.VERTICES], parameters["object.faces"], SMOOTHNESS
    )
    optimiser = mi.ad.Adam(lr=LEARNING_RATE, uniform=True)
    optimiser["u"] = smooth.to_differential(parameters[to_mitsuba.VERTICES])
    faces = geometry(start.shape).faces
    busy = time.perf_counter() - began
    epoch = 0
    while True:
        for number, (sensor, wanted) in enumerate(zip(sensors, targets, strict=True)):
            began = time.perf_counter()
            parameters[to_mitsuba.VERTICES] = smooth.from_differential(optimiser["u"])
            parameters.update()
            image = mi.render(
                scene,
                parameters,
                sensor=sensor,
                integrator=integrator,
                spp=samples,
                seed=seed * 100_003 + epoch * len(views) + number,
            )
            loss = _loss(image, wanted, model, layer, start)
            dr.backward(loss)
            optimiser.step()
            with torch.no_grad():
                for _ in range(PASSES_FOR_ITS_LOG):
                    model.activations(_shown(image.torch(), start))
            settle()
            busy += time.perf_counter() - began
            yield busy, _scene(start, smooth.from_differential(optimiser["u"]), faces)
        epoch += 1


def _loss(
    image: mi.TensorXf, wanted: torch.Tensor, model: Model, layer: str, scene: Scene
) -> mi.Float:
    """Return L1 of the last feature map, computed by torch."""

    @dr.wrap(source="drjit", target="torch")
    def compared(rendered: torch.Tensor) -> torch.Tensor:
        seen = model.activations(_shown(rendered, scene))[layer]
        with torch.no_grad():
            aim = model.activations(_shown(wanted, scene))[layer]
        return (seen - aim).abs().mean()

    return compared(image)


def _shown(rendered: torch.Tensor, scene: Scene) -> torch.Tensor:
    return display(rendered, scene.film).permute(2, 0, 1)[None]


def _scene(start: Scene, vertices: mi.Float, faces: np.ndarray) -> Scene:
    """Return the scene with other vertices."""
    mesh = Mesh(np.array(vertices).reshape(-1, 3).astype(np.float32), faces, None)
    shape = MeshShape(surface=mesh, fit=False, normals=start.shape.normals)
    return start.model_copy(update={"shape": shape})

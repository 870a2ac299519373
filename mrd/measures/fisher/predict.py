"""Predicted thresholds of a target for a model, from the render to the matrix.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from mrd.measures.fisher.derivative import activation_derivative, image_derivative
from mrd.measures.fisher.information import (
    Array,
    Prediction,
    floored_variance,
    information,
    prediction,
)
from mrd.measures.fisher.parameters import Parameter, parameters_of
from mrd.models.base import Model
from mrd.models.trial import finite_activations
from mrd.rendering.stage import Stage, display, noise_seed
from mrd.study.fisher_section import FisherConfig
from scenes.base.errors import InputError
from scenes.camera import Camera, cameras
from scenes.scene import Scene

# Two derivatives of independent noise: they are averaged, and their agreement is told.
HALVES = 2


@dataclass(frozen=True)
class Sensitivity:
    """What a model's activations tell of a scene's parameters.

    Parameters
    ----------
    parameters
        The P parameters.
    views
        The training cameras, over which the information is averaged.
    derivative
        Layer → J (P, cameras, units), in activations per unit of each parameter.
    variance
        Layer → floored variance (cameras, units).
    agreement
        (P,): correlation of the two derivatives, whitened, that were averaged; near 1 where the
        Monte Carlo noise of J is small. NaN where both are 0.
    fisher
        (P, P): over all layers, for one view.
    predicted
        What follows from it.
    """

    parameters: list[Parameter]
    views: list[Camera]
    derivative: dict[str, Array]
    variance: dict[str, Array]
    agreement: Array
    fisher: Array
    predicted: Prediction


@torch.no_grad()
def sensitivity(
    scene: Scene,
    model: Model,
    config: FisherConfig,
    device: str,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Sensitivity:
    """Differentiate a model's activations by the parameters of a scene.

    Parameters
    ----------
    scene
        Loaded, its exposure resolved.
    model
        Whose layers are taken together.
    config
        Counts and floor.
    device
        Of torch tensors.
    progress
        Told (what, done, of how many).

    Raises
    ------
    InputError
        A layer's activations do not vary over re-renders, or the model cannot see these images.
    """
    views = [view for view in cameras(scene.cameras) if not view.held_out]
    parameters = parameters_of(scene, config.shape_modes)
    variance = _variance(scene, model, config, views, device, progress)
    stage = Stage(scene, device=device)
    radiance = stage.photographs(views, config.samples, 0)
    halves: list[list[dict[str, Array]]] = [[] for _ in range(HALVES)]
    for done, parameter in enumerate(parameters):
        progress("derivatives", done, len(parameters))
        for half, found in enumerate(halves):
            purpose = f"derivative {half}"
            seeds = [noise_seed(scene.sha256, v.name, purpose, done) for v in views]
            tangent = image_derivative(
                scene,
                parameter,
                views,
                config.derivative_samples,
                seeds,
                device,
            )
            change = activation_derivative(model, scene.film, radiance, tangent)
            found.append({layer: _numpy(each) for layer, each in change.items()})
    progress("derivatives", len(parameters), len(parameters))
    stacked = [
        {layer: np.stack([each[layer] for each in half]) for layer in variance} for half in halves
    ]
    derivative = {layer: (stacked[0][layer] + stacked[1][layer]) / HALVES for layer in variance}
    fisher = np.sum([information(derivative[each], variance[each]) for each in variance], axis=0)
    agreement = _agreement(stacked, variance)
    return Sensitivity(
        parameters, views, derivative, variance, agreement, fisher, prediction(fisher)
    )


def _variance(
    scene: Scene,
    model: Model,
    config: FisherConfig,
    views: Sequence[Camera],
    device: str,
    progress: Callable[[str, int, int], None],
) -> dict[str, Array]:
    """Floored variance of every layer over re-renders."""
    stage = Stage(scene, device=device)
    seen: dict[str, list[Array]] = {layer: [] for layer in model.layers}
    for index in range(config.rerenders):
        progress("re-renders", index, config.rerenders)
        # Index 0 is the image that the derivative is taken at.
        images = display(stage.photographs(views, config.samples, index + 1), scene.film)
        names = [f"re-render {index + 1} at camera {view.name}" for view in views]
        for layer, each in finite_activations(model, images, names).items():
            seen[layer].append(_numpy(each.flatten(1)))
    try:
        return {layer: floored_variance(np.stack(e), config.floor) for layer, e in seen.items()}
    except ValueError as error:
        raise InputError(
            f"model '{model.name}', scene '{scene.name}': {error}; without noise no threshold can "
            "be predicted: lower fisher.samples, or read another layer"
        ) from error


def _agreement(halves: Sequence[dict[str, Array]], variance: dict[str, Array]) -> Array:
    """Cosine (P,) between the two whitened derivatives."""

    def dot(one: dict[str, Array], two: dict[str, Array]) -> Array:
        total = [
            np.einsum("pcu,pcu,cu->p", one[layer], two[layer], 1 / variance[layer])
            for layer in variance
        ]
        return np.asarray(np.sum(total, axis=0))

    lengths = np.sqrt(dot(halves[0], halves[0]) * dot(halves[1], halves[1]))
    safe = np.where(lengths > 0, lengths, 1.0)
    return np.where(lengths > 0, dot(halves[0], halves[1]) / safe, np.nan)


def _numpy(tensor: torch.Tensor) -> Array:
    return np.asarray(tensor.detach().cpu().numpy(), dtype=np.float64)

"""Predict the thresholds of a model for a target, from renders to the Fisher information.

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

HALVES = 2  # derivatives with independent noise, which are averaged and compared


@dataclass(frozen=True)
class Sensitivity:
    """Derivative, variance and Fisher information of a model's activations for P parameters."""

    parameters: list[Parameter]
    views: list[Camera]  # the training cameras, over which the information is averaged
    derivative: dict[str, Array]  # layer → J (P, cameras, units), per unit of each parameter
    variance: dict[str, Array]  # layer → floored variance (cameras, units)
    # (P,): correlation of the two whitened derivatives that are averaged; near 1 if the Monte Carlo
    # noise of J is small, NaN if both are 0.
    agreement: Array
    fisher: Array  # (P, P), over all layers, for one view
    predicted: Prediction


@torch.no_grad()
def sensitivity(
    scene: Scene,
    model: Model,
    config: FisherConfig,
    device: str,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Sensitivity:
    """Differentiate a model's activations with respect to the parameters of a loaded scene.

    All layers of the model are combined; the scene has a fixed exposure. `progress` is called with
    (step, done, total). Raises InputError if a layer's activations do not vary over
    re-renders, or the model does not accept these images.
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
    """Return the floored variance of every layer over re-renders."""
    stage = Stage(scene, device=device)
    seen: dict[str, list[Array]] = {layer: [] for layer in model.layers}
    for index in range(config.rerenders):
        progress("re-renders", index, config.rerenders)
        # Index 0 is the image at which the derivative is taken.
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
    """Return the cosine (P,) between the two whitened derivatives."""

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

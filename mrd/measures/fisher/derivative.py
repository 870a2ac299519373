"""The derivative of activations with respect to a scene parameter, in forward mode.

Dr.Jit propagates the change of a parameter through the render to the image, and the dual numbers of
torch through display encoding and network. Some parameters need central differences of the image
instead, with common random numbers, one-sided at a bound: Mitsuba differentiates neither the
rotation of a light nor the level of sun and sky as one number, and its forward mode through moving
vertices did not agree with differences.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch.autograd import forward_ad
from torch.nn.attention import SDPBackend, sdpa_kernel

from mrd.measures.fisher.parameters import Parameter
from mrd.models.base import Model
from mrd.rendering.stage import Stage, display
from mrd.rendering.to_mitsuba import surface_integrator
from scenes.camera import Camera
from scenes.film import Film
from scenes.scene import Scene


def image_derivative(
    scene: Scene,
    parameter: Parameter,
    views: Sequence[Camera],
    samples: int,
    seeds: Sequence[int],
    device: str,
) -> torch.Tensor:
    """Return the change (V, 3, H, W) of linear radiance per unit of a scene parameter.

    The scene is loaded. `samples` are per pixel; `seeds` has one renderer seed for each of V views.
    """
    tangent = parameter.tangent(scene)
    if tangent is None:
        return image_difference(scene, parameter, views, samples, seeds, device)
    directions = {key: torch.tensor(value.astype("float32")) for key, value in tangent.items()}
    stage = Stage(scene, device=device)
    return stage.tangent(surface_integrator(scene), views, directions, samples, seeds)


def image_difference(
    scene: Scene,
    parameter: Parameter,
    views: Sequence[Camera],
    samples: int,
    seeds: Sequence[int],
    device: str,
) -> torch.Tensor:
    """Return the derivative of the image by differences; all renders have the same seeds."""
    low, high = parameter.room(scene)
    ends = (max(-parameter.step, low), min(parameter.step, high))
    before, after = (
        Stage(parameter.moved(scene, end), device=device).radiance(views, samples, seeds)
        for end in ends
    )
    return (after - before) / (ends[1] - ends[0])


def activation_derivative(
    model: Model, film: Film, radiance: torch.Tensor, tangent: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Return the change (V, units) of each layer's activations that a change of radiance causes.

    `radiance` and its derivative `tangent` are (V, 3, H, W); the film has a fixed exposure.
    """
    with warnings.catch_warnings():
        # torch compiles its own rules of forward mode with a function that it deprecates.
        warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)
        warnings.filterwarnings("ignore", "`torch.jit.script", DeprecationWarning)
        # Only this kernel of attention has forward mode.
        with sdpa_kernel(SDPBackend.MATH), forward_ad.dual_level():
            images = display(forward_ad.make_dual(radiance, tangent), film)
            pairs = {
                layer: forward_ad.unpack_dual(each)
                for layer, each in model.activations(images).items()
            }
            return {
                # Activations that do not depend on the image have no tangent.
                layer: (torch.zeros_like(primal) if change is None else change).flatten(1)
                for layer, (primal, change) in pairs.items()
            }

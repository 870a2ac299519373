"""The derivative of activations with respect to a scene parameter, in forward mode.

Dr.Jit carries the change of a parameter through the render to the image, torch's dual numbers on
through the display encoding and the network. Where there is no forward mode to trust the image is
differentiated by central differences with common random numbers, one-sided at a bound: Mitsuba does
not differentiate the rotation of a light, nor the level of a sun and sky in one number, and its
forward mode through moving vertices did not agree with differences.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence

import torch
from torch.autograd import forward_ad

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
    """Change (V, 3, H, W) of linear radiance per unit of a parameter.

    Parameters
    ----------
    scene
        Loaded.
    parameter
        Of this scene.
    views
        Cameras.
    samples
        Per pixel.
    seeds
        One renderer seed for each view.
    device
        Of torch tensors.
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
    """The same by differences: both sides are rendered with the same seeds."""
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
    """Change of every layer's activations, each (V, units), along a change of the radiance.

    Parameters
    ----------
    model
        The network.
    film
        With its exposure resolved.
    radiance, tangent
        (V, 3, H, W): linear radiance of the scene, and its derivative.
    """
    with warnings.catch_warnings():
        # torch's own rules of forward mode are compiled by what torch itself deprecates.
        warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)
        warnings.filterwarnings("ignore", "`torch.jit.script", DeprecationWarning)
        with forward_ad.dual_level():
            images = display(forward_ad.make_dual(radiance, tangent), film)
            pairs = {
                layer: forward_ad.unpack_dual(each)
                for layer, each in model.activations(images).items()
            }
            return {
                # Without a tangent: activations that hang on the image in no way that counts.
                layer: (torch.zeros_like(primal) if change is None else change).flatten(1)
                for layer, (primal, change) in pairs.items()
            }

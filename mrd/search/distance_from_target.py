"""The differentiable distance of variables from the target at which they started.

`mode: diverge` maximises it and `mode: flip` minimises it. It is the physical distance of
`scenes.differences.DISTANCE`, except for a shape: a Chamfer distance has no useful gradient, so the
displacement of the vertices along the target's normals is used (sliding along the surface is no
distance). Results report the distances of `scenes.differences`. At the target the distance is 0 and
has derivative 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mrd.search.finite_difference import derivative
from mrd.search.variables.base import Variables
from mrd.search.variables.lighting import LightingVariables
from mrd.search.variables.material import MaterialVariables
from mrd.search.variables.pose import PoseVariables
from mrd.search.variables.shape import ShapeVariables
from scenes.arrays import Mesh
from scenes.differences import RADIANCE_FLOOR, material_difference
from scenes.geometry.areas import vertex_areas
from scenes.geometry.normals import vertex_normals
from scenes.lighting import solid_angles
from scenes.material import RANGES
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry

Distance = Callable[[], torch.Tensor]

# Units of distances, about what metamers of networks reach: radii of the object, natural log units,
# natural log units, degrees. They weigh the distance against the condition in a step: they affect
# the path of the search, not the score.
UNIT = {"shape": 0.05, "material": 0.5, "lighting": 1.0, "pose": 10.0}

# Step of the finite differences of a material's distance, in units of its parameters.
DIFFERENCE = 1e-3


def distance_from_target(
    target: Scene, variables: Variables, translation_counts: bool = False
) -> Distance:
    """Return the function that gives the distance, a scalar tensor ≥ 0, of variables at the target.

    Its unit is that of `scenes.differences`: radii, log units, log units, degrees. A shape has the
    target's faces, a material no textures. `translation_counts` is whether a shift of a whole shape
    is distance: a maximum would otherwise be no other shape, and a minimum would cost nothing.
    """
    if isinstance(variables, ShapeVariables):
        return _along_normals(geometry(target.shape), variables, translation_counts)
    if isinstance(variables, MaterialVariables):
        return _of_reflectance(target, variables)
    if isinstance(variables, LightingVariables):
        return _of_radiance(variables)
    if isinstance(variables, PoseVariables):
        return lambda: torch.rad2deg(variables.tensors["rotation"].norm())
    raise TypeError(f"no distance of {type(variables).__name__}")


def _along_normals(mesh: Mesh, variables: ShapeVariables, translation_counts: bool) -> Distance:
    """Return the RMS displacement along the target's normals, over its area, in its radii.

    The mean displacement is subtracted first unless it counts.
    """
    first, along = torch.tensor(mesh.vertices), torch.tensor(vertex_normals(mesh))
    areas = vertex_areas(mesh)
    share = torch.tensor(areas / areas.sum()).to(first)
    radius = float(bounding_sphere(mesh)[1])

    def distance() -> torch.Tensor:
        vertices = variables.vertices()
        weights = share.to(vertices)
        moved = vertices - first.to(vertices)
        if not translation_counts:
            moved = moved - (weights[:, None] * moved).sum(dim=0)
        outward = (moved * along.to(vertices)).sum(dim=1)
        return _root((weights * outward**2).sum()) / radius

    return distance


def _of_radiance(variables: LightingVariables) -> Distance:
    """Return the RMS difference of log radiance over the sphere and the channels."""
    first = variables.tensors["log_radiance"].detach().clone()
    if first.ndim == 3:
        weights = torch.tensor(solid_angles(*first.shape[:2]) / (4 * np.pi)).to(first)[:, :, None]
    else:
        weights = torch.ones((), dtype=first.dtype, device=first.device)
    mean = (weights * first.exp()).sum() / first.shape[-1]
    floor = RADIANCE_FLOOR * mean

    def distance() -> torch.Tensor:
        now = variables.tensors["log_radiance"]
        difference = torch.log(now.exp() + floor) - torch.log(first.exp() + floor)
        return _root((weights * difference**2).sum() / first.shape[-1])

    return distance


def _of_reflectance(target: Scene, variables: MaterialVariables) -> Distance:
    """Return the RMS log reflectance of `scenes.differences`."""
    names = tuple(variables.tensors)

    def measure(numbers: dict[str, np.ndarray]) -> float:
        changes: dict[str, Any] = {
            name: tuple(map(float, each)) if name == "base_color" else float(each[0])
            for name, each in numbers.items()
        }
        material = target.material.model_copy(update=changes)
        return material_difference(target.material, material)["rms_log_reflectance"]

    def distance() -> torch.Tensor:
        value: torch.Tensor = _ByDifferences.apply(measure, names, *variables.tensors.values())
        return value

    return distance


def _root(square: torch.Tensor) -> torch.Tensor:
    """Return the square root, with derivative 0 in place of infinity at 0."""
    return square.clamp(min=1e-20).sqrt()


class _ByDifferences(torch.autograd.Function):
    """A number that NumPy computes from a few parameters, with a finite-difference derivative."""

    @staticmethod
    def forward(
        context: Any,
        measure: Callable[[dict[str, np.ndarray]], float],
        names: tuple[str, ...],
        *tensors: torch.Tensor,
    ) -> torch.Tensor:
        values = {
            name: tensor.detach().cpu().numpy().astype(np.float64)
            for name, tensor in zip(names, tensors, strict=True)
        }
        context.measure, context.values = measure, values
        return torch.tensor(measure(values)).to(tensors[0])

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        slopes = (_derivative(context.measure, context.values, name) for name in context.values)
        return None, None, *(gradients[0] * torch.tensor(each).to(gradients[0]) for each in slopes)


def _derivative(
    measure: Callable[[dict[str, np.ndarray]], float], values: dict[str, np.ndarray], name: str
) -> np.ndarray:
    """Return the derivative by each number of one parameter, with steps inside its range."""
    slopes = np.zeros_like(values[name])
    low, high = RANGES.get(name, (0.0, 1.0))
    for k in range(slopes.size):

        def changed(value: float, k: int = k) -> float:
            numbers = values[name].copy()
            numbers[k] = value
            return measure(values | {name: numbers})

        slopes[k] = derivative(changed, float(values[name][k]), DIFFERENCE, low, high)
    return slopes

"""The distance of a search's variables from the target, at which they started; differentiable.

`mode: diverge` maximises it and `mode: flip` minimises it. It is the physical distance that
`scenes.differences.DISTANCE` names, except for a shape: a Chamfer distance has no useful gradient,
so the displacement of the vertices along the target's normals is used (motion along the surface
does not count). Results report the distances of `scenes.differences`. At the target, the distance
and its derivative are 0.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from mrd.search.finite_difference import derivative
from mrd.search.variables.base import Variables
from mrd.search.variables.lamp import LampVariables
from mrd.search.variables.lighting import LightingVariables
from mrd.search.variables.material import MaterialVariables
from mrd.search.variables.pose import PoseVariables
from mrd.search.variables.shape import ShapeVariables
from scenes.arrays import Mesh
from scenes.differences import (
    RADIANCE_FLOOR,
    centre_of,
    lighting_difference,
    material_difference,
)
from scenes.geometry.areas import vertex_areas
from scenes.geometry.normals import vertex_normals
from scenes.lighting import solid_angles
from scenes.material import RANGES
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry

Distance = Callable[[], torch.Tensor]

# Distances that metamers of networks about reach: radii of the object, natural log units (twice),
# degrees. A step minimises distance / unit plus the penalty of the condition, so units affect the
# path of the search, not the score.
UNIT = {"shape": 0.05, "material": 0.5, "lighting": 1.0, "pose": 10.0}

# Step of the finite differences of a material's distance, in units of its parameters.
DIFFERENCE = 1e-3
NO_BOUNDS = (-np.inf, np.inf)
LAMP_TENSORS = ("log_strength", "place", "log_size")


def distance_from_target(
    target: Scene, variables: Variables, translation_counts: bool = False
) -> Distance:
    """Return a function without arguments that returns the current distance, a scalar tensor ≥ 0.

    `variables` are at the target now. Units are those of `scenes.differences`: radii for a shape,
    log units for material and light, degrees for a pose. A shape has the faces of the target, a
    material no textures. `translation_counts`: whether moving a whole shape counts as distance. It
    must not when the distance is maximised (a moved shape is not another shape), and must when it
    is minimised (a move would be free).
    """
    if isinstance(variables, ShapeVariables):
        return _along_normals(geometry(target.shape), variables, translation_counts)
    if isinstance(variables, MaterialVariables):
        return _of_reflectance(target, variables)
    if isinstance(variables, LightingVariables):
        return _of_radiance(variables)
    if isinstance(variables, LampVariables):
        return _of_lamp(target, variables)
    if isinstance(variables, PoseVariables):
        return lambda: torch.rad2deg(variables.tensors["rotation"].norm())
    raise TypeError(f"no distance of {type(variables).__name__}")


def _along_normals(mesh: Mesh, variables: ShapeVariables, translation_counts: bool) -> Distance:
    """Return the distance of a shape: RMS displacement along the target's normals, in its radii.

    The mean is over the target's area. Without `translation_counts`, the mean displacement is
    subtracted first.
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
    """Return the distance of a light: RMS difference of log radiance over sphere and channels."""
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
    """Return the distance of a material: `rms_log_reflectance` of `scenes.differences`."""
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


def _of_lamp(target: Scene, variables: LampVariables) -> Distance:
    """Return the distance of a lamp: `rms_log_radiance` of `scenes.differences`."""
    names, centre = tuple(variables.tensors), centre_of(target)

    def measure(numbers: dict[str, np.ndarray]) -> float:
        lamp = variables.lamp(numbers)
        return lighting_difference(target.lighting, lamp, centre)["rms_log_radiance"]

    def distance() -> torch.Tensor:
        value: torch.Tensor = _ByDifferences.apply(measure, names, *variables.tensors.values())
        return value

    return distance


def _root(square: torch.Tensor) -> torch.Tensor:
    """Return the square root; its derivative at 0 is 0 instead of infinite."""
    return square.clamp(min=1e-20).sqrt()


class _ByDifferences(torch.autograd.Function):
    """A function of a few parameters in NumPy; its derivative is a finite difference."""

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
    """Return the derivative of `measure` by each number of parameter `name`, inside its range."""
    slopes = np.zeros_like(values[name])
    low, high = RANGES.get(name, NO_BOUNDS if name in LAMP_TENSORS else (0.0, 1.0))
    for k in range(slopes.size):

        def changed(value: float, k: int = k) -> float:
            numbers = values[name].copy()
            numbers[k] = value
            return measure(values | {name: numbers})

        slopes[k] = derivative(changed, float(values[name][k]), DIFFERENCE, low, high)
    return slopes

"""How far variables stand from the target they began at, differentiable.

It is what `mode: diverge` makes large and `mode: flip` small.

Each is the physical distance of `scenes.differences.DISTANCE` or stands for it: a Chamfer distance
has no gradient that a step could follow through closest points alone, so a shape is measured by how
far its vertices moved along the target's normals (sliding along the surface is no distance). What a
result is reported by is measured anew, by `scenes.differences`. At the target itself a distance is
0 and has derivative 0.
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

# Distances are counted in these, about what metamers of networks reach: radii of the object,
# natural log units, natural log units, degrees. They set how fast a search leaves its target
# beside how fast it comes back to the match, and no result hangs on them but by the way there.
UNIT = {"shape": 0.05, "material": 0.5, "lighting": 1.0, "pose": 10.0}

# Step of the differences that stand for a material's derivative, in units of its parameters.
DIFFERENCE = 1e-3


def distance_of(target: Scene, variables: Variables, place_counts: bool = False) -> Distance:
    """Make the function that measures how far one attribute's variables are from the target.

    Parameters
    ----------
    target
        Loaded, represented; the variables began at it.
    variables
        Of shape (with the target's faces), material (without textures), lighting or pose.
    place_counts
        Whether what all points of a shape moved together is distance too: where it is made large
        it would be no other shape, and where it is made small it would come for nothing.

    Returns
    -------
    Callable
        Gives a scalar tensor ≥ 0, differentiable in the variables' tensors, in the unit of
        `scenes.differences`: radii, log units, log units, degrees.
    """
    if isinstance(variables, ShapeVariables):
        return _along_normals(geometry(target.shape), variables, place_counts)
    if isinstance(variables, MaterialVariables):
        return _of_reflectance(target, variables)
    if isinstance(variables, LightingVariables):
        return _of_radiance(variables)
    if isinstance(variables, PoseVariables):
        return lambda: torch.rad2deg(variables.tensors["rotation"].norm())
    raise TypeError(f"no distance of {type(variables).__name__}")


def _along_normals(mesh: Mesh, variables: ShapeVariables, place_counts: bool) -> Distance:
    """Root mean square, over the target's area, of what its points moved along their normals.

    What all moved together is a place, and no shape: it is taken off first, unless it counts.
    """
    first, along = torch.tensor(mesh.vertices), torch.tensor(vertex_normals(mesh))
    areas = vertex_areas(mesh)
    share = torch.tensor(areas / areas.sum()).to(first)
    radius = float(bounding_sphere(mesh)[1])

    def distance() -> torch.Tensor:
        vertices = variables.vertices()
        weights = share.to(vertices)
        moved = vertices - first.to(vertices)
        if not place_counts:
            moved = moved - (weights[:, None] * moved).sum(dim=0)
        outward = (moved * along.to(vertices)).sum(dim=1)
        return _root((weights * outward**2).sum()) / radius

    return distance


def _of_radiance(variables: LightingVariables) -> Distance:
    """RMS difference of log radiance over the sphere, of a map's pixels or a colour's channels."""
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
    """RMS log reflectance of `scenes.differences`; its derivative by differences, a number each."""
    names = tuple(variables.tensors)

    def far(numbers: dict[str, np.ndarray]) -> float:
        changes: dict[str, Any] = {
            name: tuple(map(float, each)) if name == "base_color" else float(each[0])
            for name, each in numbers.items()
        }
        material = target.material.model_copy(update=changes)
        return material_difference(target.material, material)["rms_log_reflectance"]

    def distance() -> torch.Tensor:
        made: torch.Tensor = _ByDifferences.apply(far, names, *variables.tensors.values())
        return made

    return distance


def _root(square: torch.Tensor) -> torch.Tensor:
    """Square root with derivative 0 at 0, where it would be infinite."""
    return square.clamp(min=1e-20).sqrt()


class _ByDifferences(torch.autograd.Function):
    """A number that NumPy computes from a few parameters, with a derivative by differences.

    Steps stay within the ranges in which the parameters are defined.
    """

    @staticmethod
    def forward(
        context: Any,
        far: Callable[[dict[str, np.ndarray]], float],
        names: tuple[str, ...],
        *tensors: torch.Tensor,
    ) -> torch.Tensor:
        here = {
            name: tensor.detach().cpu().numpy().astype(np.float64)
            for name, tensor in zip(names, tensors, strict=True)
        }
        context.far, context.here = far, here
        return torch.tensor(far(here)).to(tensors[0])

    @staticmethod
    def backward(context: Any, *gradients: torch.Tensor) -> tuple[Any, ...]:
        slopes = (_derivative(context.far, context.here, name) for name in context.here)
        return None, None, *(gradients[0] * torch.tensor(each).to(gradients[0]) for each in slopes)


def _derivative(
    far: Callable[[dict[str, np.ndarray]], float], here: dict[str, np.ndarray], name: str
) -> np.ndarray:
    slopes = np.zeros_like(here[name])
    low, high = RANGES.get(name, (0.0, 1.0))
    for k in range(slopes.size):

        def moved(value: float, k: int = k) -> float:
            values = here[name].copy()
            values[k] = value
            return far(here | {name: values})

        slopes[k] = derivative(moved, float(here[name][k]), DIFFERENCE, low, high)
    return slopes

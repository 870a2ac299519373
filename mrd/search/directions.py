"""Random directions in which a control scene differs from its target.

A direction is a random change of the variables that the search moves. It is smooth: a mix of low
modes of the surface for a shape, and of low spherical harmonics for textures and lights.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mrd.search.smooth_modes import smooth_modes
from mrd.search.variables.lighting import BRIGHTEST
from mrd.search.variables.material import BOUNDS
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.differences import centre_of
from scenes.geometry.normals import vertex_normals
from scenes.geometry.topology import joined
from scenes.lamps import LAMPS, rotated, sizes, strength, with_sizes, with_strength
from scenes.lighting import Constant, EnvironmentMap, Lighting, direction, map_directions
from scenes.material import RANGES, Material
from scenes.pose import Pose
from scenes.scene import Light, Scene
from scenes.shape import MeshShape, Shape, geometry, random_harmonics

# Number of smooth modes that are mixed into a direction of a shape. The lowest bend the whole
# surface; the highest have about a dozen hills.
MODES = 30
DEGREE = 4  # highest degree of the spherical harmonics for textures and lights

Array = NDArray[np.float64]
Direction = Callable[[float], Any]
"""Function from an amplitude ≥ 0 to the changed attribute; 0 gives the attribute of the target."""


def draw_direction(
    attribute: str, target: Scene, search: SearchConfig, rng: np.random.Generator
) -> Direction:
    """Draw a random direction of an attribute; raise InputError for a light without a map."""
    draw: dict[str, Callable[[], Direction]] = {
        "shape": lambda: _shape_direction(target.shape, rng),
        "material": lambda: _material_direction(target.material, search.material_parameters, rng),
        "lighting": lambda: _light_direction(target, search, rng),
        "pose": lambda: _pose_direction(target.pose, rng),
    }
    return draw[attribute]()


def random_unit(rng: np.random.Generator) -> Array:
    """Return a random unit vector (3,)."""
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)


# ---- Shape --------------------------------------------------------------------------------------


def _shape_direction(shape: Shape, rng: np.random.Generator) -> Direction:
    """Return a direction that moves vertices along their normals by a random smooth function."""
    mesh = geometry(shape)
    displacement = smooth_field(mesh, rng)[:, None] * vertex_normals(mesh)
    scale = float(np.linalg.norm(mesh.vertices, axis=1).max()) / 10

    def changed(amplitude: float) -> Shape:
        if amplitude == 0:
            return shape
        vertices = mesh.vertices + amplitude * scale * displacement
        surface = Mesh(vertices.astype(np.float32), mesh.faces, mesh.uvs)
        return MeshShape(surface=surface, fit=False, normals=shape.normals)

    return changed


def smooth_field(mesh: Mesh, rng: np.random.Generator) -> Array:
    """Return a random smooth function (V,) on a surface, whose root mean square over vertices is 1.

    It is a Gaussian mix of the lowest smooth modes. Vertices with equal positions have equal
    values.
    """
    surface, vertex = joined(mesh)
    modes = smooth_modes(surface, MODES)
    field = (rng.normal(size=len(modes)) @ modes)[vertex]
    return np.asarray(field / np.sqrt(np.mean(field**2)))


# ---- Material -----------------------------------------------------------------------------------


def _material_direction(
    material: Material, parameters: Sequence[str], rng: np.random.Generator
) -> Direction:
    """Return a direction of all searched parameters; values are reflected at the ends of ranges."""
    steps: dict[str, tuple[Array, Array, float, float]] = {}
    for name in parameters:
        value = getattr(material, name)
        low, high = (0.0, 1.0) if name == "base_color" else BOUNDS.get(name, RANGES[name])
        start = value.pixels.astype(np.float64) if isinstance(value, Picture) else np.array(value)
        if name == "base_color" and start.ndim < 3:
            start = np.broadcast_to(start, 3).astype(np.float64)
        # The target may be outside the bounds that apply to searches.
        low, high = min(low, float(start.min())), max(high, float(start.max()))
        step = _texture_step(start.shape, rng) if start.ndim == 3 else rng.normal(size=start.shape)
        steps[name] = (start, 0.1 * (high - low) * np.asarray(step), low, high)

    def changed(amplitude: float) -> Material:
        changes: dict[str, Any] = {}
        for name, (start, step, low, high) in steps.items():
            values = reflected(start + amplitude * step, low, high)
            if values.ndim == 3:
                changes[name] = Picture(values.astype(np.float32))
            elif values.ndim == 1:
                changes[name] = tuple(float(each) for each in values)
            else:
                changes[name] = float(values)
        return material if amplitude == 0 else material.model_copy(update=changes)

    return changed


def _texture_step(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Return a smooth random texture of a shape (H, W, C), in spherical texture coordinates."""
    height, width, channels = shape
    v, u = np.meshgrid(
        (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij"
    )
    return _random_colours(direction(u, v), channels, rng)


def reflected(values: Array, low: float, high: float) -> Array:
    """Return values reflected at the ends of a range, as often as needed; it is continuous."""
    span = high - low
    folded = np.mod(values - low, 2 * span)
    return low + np.minimum(folded, 2 * span - folded)


# ---- Lighting -----------------------------------------------------------------------------------


def _light_direction(target: Scene, search: SearchConfig, rng: np.random.Generator) -> Direction:
    """Return a direction of the searched light."""
    lamp = target.lighting
    if not isinstance(lamp, LAMPS):
        return _lighting_direction(lamp, rng)
    colour, axis = rng.normal(size=3), random_unit(rng)
    growth = rng.normal(size=len(sizes(lamp)))
    centre = np.array(centre_of(target))

    def changed(amplitude: float) -> Light:
        if amplitude == 0:
            return lamp
        moved = lamp
        if "strength" in search.lamp_parameters:
            moved = with_strength(moved, strength(lamp) * np.exp(0.1 * amplitude * colour))
        changes: dict[str, Any] = {}
        if "place" in search.lamp_parameters:
            turn = Rotation.from_rotvec(np.radians(min(5 * amplitude, 180.0)) * axis)
            changes |= rotated(lamp, turn.as_matrix(), centre)
        if "size" in search.lamp_parameters:
            changes |= with_sizes(lamp, sizes(lamp) * np.exp(0.1 * amplitude * growth))
        return moved.model_copy(update=changes)

    return changed


def _lighting_direction(lighting: Lighting, rng: np.random.Generator) -> Direction:
    """Return a direction of log radiance: smooth over the sphere for a map, else a colour."""
    if isinstance(lighting, EnvironmentMap) and isinstance(lighting.radiance, Picture):
        pixels = lighting.radiance.pixels.astype(np.float64)
        step = _random_colours(map_directions(*pixels.shape[:2]), 3, rng)
    elif isinstance(lighting, Constant):
        pixels, step = np.array(lighting.radiance), rng.normal(size=3)
    else:
        raise InputError(
            f"control: a light of kind {lighting.kind} has no map to vary; use constant or map"
        )

    def changed(amplitude: float) -> Lighting:
        if amplitude == 0:
            return lighting
        with np.errstate(over="ignore"):
            radiance = np.minimum(pixels * np.exp(0.1 * amplitude * step), BRIGHTEST)
        value: Any = (
            tuple(float(each) for each in radiance)
            if radiance.ndim == 1
            else Picture(radiance.astype(np.float32))
        )
        return lighting.model_copy(update={"radiance": value})

    return changed


def _random_colours(directions: Array, channels: int, rng: np.random.Generator) -> Array:
    """Return a random smooth function (…, channels) of directions, with mean square 1."""
    flat = directions.reshape(-1, 3)
    fields = [random_harmonics(flat, DEGREE, rng) for _ in range(channels)]
    return np.stack(fields, axis=1).reshape(*directions.shape[:-1], channels)


# ---- Pose ---------------------------------------------------------------------------------------


def _pose_direction(pose: Pose, rng: np.random.Generator) -> Direction:
    """Return rotations about a random axis: 10 degrees per unit of amplitude, at most 180."""
    axis = random_unit(rng)
    own = Rotation.from_euler("xyz", pose.rotation, degrees=True)

    def changed(amplitude: float) -> Pose:
        if amplitude == 0:
            return pose
        turn = Rotation.from_rotvec(np.radians(min(10 * amplitude, 180.0)) * axis)
        x, y, z = (float(each) for each in (turn * own).as_euler("xyz", degrees=True))
        return pose.model_copy(update={"rotation": (x, y, z)})

    return changed

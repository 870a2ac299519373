"""Interpolation between two scenes, for each attribute in its own parameters.

Vertices move along straight lines, material and position change linearly, radiance by equal ratios,
orientation at constant speed about one axis. If there is no such path, an error is raised: between
meshes of different topology, or between a map and a constant light.
"""

import warnings
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError, unknown
from scenes.differences import RADIANCE_FLOOR, centre_of
from scenes.lamps import (
    LAMPS,
    Lamp,
    direction_to,
    distance_to,
    rotated,
    sizes,
    strength,
    with_sizes,
    with_strength,
)
from scenes.lighting import Constant, EnvironmentMap, SunSky, solid_angles
from scenes.material import SCALARS, Material
from scenes.pose import Pose
from scenes.scene import Light, Scene
from scenes.shape import MeshShape, Shape, geometry

Array = NDArray[np.float64]


def between(target: Scene, other: Scene, t: float, attributes: Iterable[str]) -> Scene:
    """Return the scene at fraction t, 0 to 1, of the way to another loaded scene."""
    if not 0 <= t <= 1:
        raise ValueError(f"t is {t}; allowed: 0 to 1")
    blends = {"shape": _shape, "material": _material, "lighting": _lighting, "pose": _pose}
    changes = {}
    for attribute in attributes:
        if attribute not in blends:
            raise unknown("attribute", attribute, blends)
        ends = getattr(target, attribute), getattr(other, attribute)
        # Also interpolated at 0 and 1, so that a missing path is always an error.
        if isinstance(ends[0], LAMPS) and isinstance(ends[1], type(ends[0])):
            mixed: Any = _mixed_lamps(*ends, t, np.array(centre_of(target)))
        else:
            mixed = blends[attribute](*ends, t)  # type: ignore[operator]
        changes[attribute] = ends[int(t)] if t in (0, 1) else mixed
    return target.model_copy(update=changes)


def check_path(target: Scene, other: Scene, attributes: Iterable[str]) -> None:
    """Raise if two loaded scenes cannot be interpolated; the message names the attribute."""
    between(target, other, 0.5, attributes)


def _shape(target: Shape, other: Shape, t: float) -> Shape:
    """Return a mesh whose vertices are at fraction t between two shapes with the same faces."""
    first, second = geometry(target), geometry(other)
    if first.faces.shape != second.faces.shape or (first.faces != second.faces).any():
        raise InputError(
            "shape: no interpolation between meshes of different topology "
            f"({len(first.vertices)} vertices and {len(first.faces)} faces against "
            f"{len(second.vertices)} and {len(second.faces)}); use kind: trajectory"
        )
    vertices = _mix(first.vertices.astype(np.float64), second.vertices.astype(np.float64), t)
    return MeshShape(
        surface=Mesh(vertices.astype(np.float32), first.faces, first.uvs),
        fit=False,
        normals=target.normals,
    )


def _material(target: Material, other: Material, t: float) -> Material:
    """Return the material at fraction t between two materials."""
    changes: dict[str, Any] = {}
    for name in ("base_color", *SCALARS):
        values = getattr(target, name), getattr(other, name)
        if values[0] != values[1]:
            changes[name] = _mixed_parameter(name, *values, t)
    return target.model_copy(update=changes)


def _mixed_parameter(name: str, first: Any, second: Any, t: float) -> Any:
    """Interpolate numbers, colours or textures; a number stands for a uniform texture."""
    arrays = [
        each.pixels if isinstance(each, Picture) else np.asarray(each) for each in (first, second)
    ]
    textures = [each.shape[:2] for each in arrays if each.ndim == 3]
    if len(set(textures)) > 1:
        raise InputError(
            f"material.{name}: no interpolation between textures of "
            f"{' and '.join(f'{w}×{h}' for h, w in textures)} texels; use kind: trajectory"
        )
    mixed = _mix(arrays[0].astype(np.float64), arrays[1].astype(np.float64), t)
    if textures:
        return Picture(mixed.astype(np.float32))
    return float(mixed) if mixed.ndim == 0 else tuple(float(channel) for channel in mixed)


def _lighting(target: Light, other: Light, t: float) -> Light:
    """Return the light at fraction t between two lights of the same kind."""
    match target, other:
        case Constant(), Constant():
            first, second = (np.multiply(each.radiance, each.level) for each in (target, other))
            mixed = _in_ratio(first, second, float(first.mean()), t)
            return Constant(radiance=tuple(float(channel) for channel in mixed))
        case EnvironmentMap(), EnvironmentMap():
            return _mixed_maps(target, other, t)
        case SunSky(), SunSky():
            return _mixed_skies(target, other, t)
    raise InputError(
        f"lighting: no interpolation between kind {target.kind} and kind {other.kind}; "
        "use kind: trajectory"
    )


def _mixed_maps(target: EnvironmentMap, other: EnvironmentMap, t: float) -> EnvironmentMap:
    """Return the environment map at fraction t between two maps."""
    first, second = (
        each.level * each.radiance.pixels.astype(np.float64)
        for each in (target, other)
        if isinstance(each.radiance, Picture)
    )
    if first.shape != second.shape or target.rotation != other.rotation:
        raise InputError(
            "lighting: no interpolation between environment maps of different size or rotation; "
            "use kind: trajectory"
        )
    weights = solid_angles(*first.shape[:2])
    mean = float(np.average(first.mean(axis=2), weights=weights))
    pixels = _in_ratio(first, second, mean, t).astype(np.float32)
    return EnvironmentMap(radiance=Picture(pixels), rotation=target.rotation)


def _mixed_lamps(target: Lamp, other: Lamp, t: float, centre: Array) -> Lamp:
    """Return the lamp at fraction t between two lamps of one kind.

    It moves around the centre of the object at constant angular speed. Strength, sizes and the
    distance from the centre change by equal ratios, other numbers linearly.
    """
    first, second = strength(target), strength(other)
    mixed = with_strength(target, _in_ratio(first, second, float(first.mean()), t))
    changes: dict[str, Any] = {}
    for name in ("toward", "angle"):
        if name in type(target).model_fields:
            ends = [np.asarray(getattr(each, name), np.float64) for each in (target, other)]
            value = _mix(ends[0], ends[1], t)
            changes[name] = tuple(value.tolist()) if value.ndim else float(value)
    if sizes(target).size:
        changes |= with_sizes(target, _in_ratio_of(sizes(target), sizes(other), t))
    turn, _ = Rotation.align_vectors(direction_to(other, centre), direction_to(target, centre))
    part = Rotation.from_rotvec(t * turn.as_rotvec()).as_matrix()
    ratio = (distance_to(other, centre) / distance_to(target, centre)) ** t
    return mixed.model_copy(update=changes | rotated(target, ratio * part, centre))


def _in_ratio_of(first: Array, second: Array, t: float) -> Array:
    """Return positive numbers at fraction t between two arrays of them, by equal ratios."""
    return np.exp(_mix(np.log(first), np.log(second), t))


def _mixed_skies(target: SunSky, other: SunSky, t: float) -> SunSky:
    """Return the daylight at fraction t between two sun-and-sky lights."""
    changes = {
        name: float(_mix(np.array(getattr(target, name)), np.array(getattr(other, name)), t))
        for name in ("turbidity", "albedo", "sun_elevation")
    }
    for name in ("sun_scale", "sky_scale"):
        first, second = (np.array(getattr(e, name) * e.level) for e in (target, other))
        changes[name] = float(_in_ratio(first, second, float(first), t))
    for name in ("sun_azimuth", "rotation"):
        first = getattr(target, name)
        turn = (getattr(other, name) - first + 180) % 360 - 180  # the shorter way round
        changes[name] = first + t * turn
    return SunSky(**changes)


def _pose(target: Pose, other: Pose, t: float) -> Pose:
    """Return the pose at fraction t between two poses."""
    first, second = (
        Rotation.from_euler("xyz", each.rotation, degrees=True) for each in (target, other)
    )
    # Shoemake (1985): constant angular speed about one axis, the shorter way round.
    turned = Rotation.from_rotvec(t * (second * first.inv()).as_rotvec()) * first
    place = _mix(np.array(target.translation), np.array(other.translation), t)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # at ±90° about y, one of the other angles is arbitrary
        x, y, z = (float(each) for each in turned.as_euler("xyz", degrees=True))
    return Pose(rotation=(x, y, z), translation=(float(place[0]), float(place[1]), float(place[2])))


def _mix(first: Array, second: Array, t: float) -> Array:
    """Return the value at fraction t between two values, linearly."""
    return (1 - t) * first + t * second


def _in_ratio(first: Array, second: Array, mean: float, t: float) -> Array:
    """Interpolate log radiance, with a floor added as in `lighting_difference`.

    That difference from the first light then grows linearly with t.
    """
    floor = RADIANCE_FLOOR * (mean or 1.0)
    return np.maximum(np.exp(_mix(np.log(first + floor), np.log(second + floor), t)) - floor, 0)

"""How far apart two scenes are, physically: by shape, material, lighting and pose.

The first argument is always the target: lengths are measured in its size, darkness against its
light. Figures that do not exist are NaN, never 0.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenes.arrays import Mesh
from scenes.base.errors import unknown
from scenes.film import LUMINANCE
from scenes.geometry.surface import Surface, volume_iou
from scenes.geometry.topology import manifold_problem
from scenes.lighting import Lighting, map_directions, radiance_over_sphere, solid_angles
from scenes.material import SCALARS, Material
from scenes.pose import Pose
from scenes.reflectance import (
    direction_table,
    has_textures,
    reflectance,
    texture_places,
    values_at,
)
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry

# The figure by which series are ordered, for each attribute.
DISTANCE: dict[str, str] = {
    "shape": "chamfer",
    "material": "rms_log_reflectance",
    "lighting": "rms_log_radiance",
    "pose": "angle",
}
# Its unit.
UNITS = {"shape": "radii", "material": "log units", "lighting": "log units", "pose": "degrees"}

# Added to a reflectance factor before its logarithm: a ten-thousandth of white.
REFLECTANCE_FLOOR = 1e-4
# Added to radiance before its logarithm, as a share of the target's mean radiance.
RADIANCE_FLOOR = 1e-4
# Rows of the maps in which lights are compared.
MAP_HEIGHT = 64
# A light whose mean direction is shorter than this share of its mean radiance has none.
NO_DIRECTION = 1e-6


def shape_difference(
    target: Mesh, other: Mesh, rng: np.random.Generator, samples: int = 20_000
) -> dict[str, float]:
    """Measure how far two surfaces are apart.

    Parameters
    ----------
    target, other
        In one space; neither is moved or scaled.
    rng
        Draws the samples.
    samples
        Points drawn uniformly over each surface.

    Returns
    -------
    dict
        ``chamfer``: mean of the two mean distances, from samples on one surface to the closest
        point of the other, ÷ radius of the target's bounding sphere. Closest points lie on the
        triangles themselves, so equal surfaces have 0.
        ``hausdorff``: largest such distance, from samples and vertices, either way, ÷ the same.
        ``normal_angle``: mean angle in degrees, both ways, between the smooth normals at the
        samples and at their closest points.
        ``volume_iou``: shared volume ÷ joint volume; NaN unless both surfaces are closed.
    """
    surfaces = Surface(target), Surface(other)
    means, largest, angles = [], [], []
    for one, two in (surfaces, surfaces[::-1]):
        drawn = one.sample(samples, rng)
        distances, closest = two.closest(drawn.points)
        from_vertices, _ = two.closest(one.vertices)
        means.append(distances.mean())
        largest.append(max(distances.max(), from_vertices.max()))
        angles.append(_angles(drawn.normals, closest.normals).mean())
    _, radius = bounding_sphere(target)
    closed = manifold_problem(target) is None and manifold_problem(other) is None
    return {
        "chamfer": float(np.mean(means) / radius),
        "hausdorff": float(max(largest) / radius),
        "normal_angle": float(np.mean(angles)),
        "volume_iou": volume_iou(target, other, rng) if closed else float("nan"),
    }


def chamfer(target: Mesh, other: Mesh, rng: np.random.Generator, samples: int = 20_000) -> float:
    """Measure the Chamfer distance alone: that of `shape_difference` from the same generator.

    Parameters
    ----------
    target, other, rng, samples
        As there.
    """
    surfaces = Surface(target), Surface(other)
    means = [
        two.closest(one.sample(samples, rng).points)[0].mean()
        for one, two in (surfaces, surfaces[::-1])
    ]
    return float(np.mean(means) / bounding_sphere(target)[1])


def material_difference(target: Material, other: Material) -> dict[str, float]:
    """Measure how far two materials are apart.

    Parameters
    ----------
    target, other
        Loaded.

    Returns
    -------
    dict
        For every parameter, by its name, the root mean square difference of its values (over
        channels, and over places where there are textures); and ``rms_log_reflectance``: the root
        mean square, over a fixed table of directions (`reflectance.direction_table`), channels and
        places, of the difference of ln(π f + 10⁻⁴), f the BSDF for reflection.
    """
    textured = has_textures(target) or has_textures(other)
    places = texture_places() if textured else np.full((1, 2), 0.5)
    pair = [values_at(each, places) for each in (target, other)]
    differences = {"base_color": _rms(pair[1].base_color - pair[0].base_color)}
    for name in SCALARS:
        differences[name] = _rms(pair[1].scalars[name] - pair[0].scalars[name])
    logs = [np.log(reflectance(each, *direction_table()) + REFLECTANCE_FLOOR) for each in pair]
    return differences | {"rms_log_reflectance": _rms(logs[1] - logs[0])}


def lighting_difference(target: Lighting, other: Lighting) -> dict[str, float]:
    """Measure how far two lights are apart, levels and rotations applied.

    Parameters
    ----------
    target, other
        Constant, or loaded environment maps. Sun and sky must be baked into a map first.

    Returns
    -------
    dict
        ``rms_log_radiance``: root mean square over the sphere (weighted by solid angle) and the
        channels of the difference of ln(L + 10⁻⁴ L̄), L̄ the target's mean radiance (the other's
        where the target is dark; 0 apart if both are).
        ``dominant_angle``: degrees between the dominant directions, the means of direction
        weighted by luminance; NaN where a light has none, as a constant one.

    Raises
    ------
    InputError
        For sun and sky, and for maps not loaded.
    """
    maps = [
        radiance_over_sphere(each, MAP_HEIGHT).pixels.astype(np.float64) for each in (target, other)
    ]
    weights = solid_angles(MAP_HEIGHT, 2 * MAP_HEIGHT) / (4 * np.pi)
    means = [np.sum(weights[:, :, None] * each) / 3 for each in maps]
    floor = RADIANCE_FLOOR * (means[0] or means[1] or 1.0)
    squares = (np.log(maps[1] + floor) - np.log(maps[0] + floor)) ** 2
    directions = [_dominant(each, weights) for each in maps]
    return {
        "rms_log_radiance": float(np.sqrt(np.sum(weights[:, :, None] * squares) / 3)),
        "dominant_angle": float(_angles(*directions)),
    }


def pose_difference(
    target: Pose, other: Pose, centre: Sequence[float] = (0.0, 0.0, 0.0)
) -> dict[str, float]:
    """Measure how far two poses are apart.

    Parameters
    ----------
    target, other
        Any poses.
    centre
        Of the object, in its own coordinates: what is moved is measured there, since a turn about
        another point moves the object too.

    Returns
    -------
    dict
        ``angle``: of the rotation that carries one orientation into the other, degrees, 0 to 180.
        ``translation``: distance between the places of the centre, scene units.
    """
    places = [each.matrix()[:3, :3] @ centre + each.matrix()[:3, 3] for each in (target, other)]
    turns = [Rotation.from_euler("xyz", each.rotation, degrees=True) for each in (target, other)]
    return {
        "angle": float(np.degrees((turns[1] * turns[0].inv()).magnitude())),
        "translation": float(np.linalg.norm(places[1] - places[0])),
    }


def shift(target: Scene, other: Scene) -> float:
    """How far the object's centre moved, scene units, as `pose_difference` counts it.

    Parameters
    ----------
    target, other
        Loaded scenes; the centre is that of the target's bounding sphere.
    """
    centre = bounding_sphere(geometry(target.shape))[0]
    return pose_difference(target.pose, other.pose, tuple(centre))["translation"]


def scene_difference(
    target: Scene, other: Scene, attributes: Iterable[str], rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Measure how far two scenes are apart in the attributes asked for.

    Parameters
    ----------
    target, other
        Loaded scenes.
    attributes
        Of ``shape``, ``material``, ``lighting``, ``pose``. Shapes are compared before the pose.
    rng
        Draws samples on surfaces.

    Returns
    -------
    dict
        For each attribute, what its own function returns.

    Raises
    ------
    InputError
        For an attribute that does not exist, and for scenes not loaded.
    """
    measures: dict[str, Callable[[], dict[str, float]]] = {
        "shape": lambda: shape_difference(geometry(target.shape), geometry(other.shape), rng),
        "material": lambda: material_difference(target.material, other.material),
        "lighting": lambda: lighting_difference(target.lighting, other.lighting),
        "pose": lambda: pose_difference(
            target.pose, other.pose, tuple(bounding_sphere(geometry(target.shape))[0])
        ),
    }
    differences = {}
    for attribute in attributes:
        if attribute not in measures:
            raise unknown("attribute", attribute, measures)
        differences[attribute] = measures[attribute]()
    return differences


def _dominant(radiance: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    luminance = weights * (radiance @ LUMINANCE)
    mean = np.einsum("hw,hwd->d", luminance, map_directions(*luminance.shape))
    length = np.linalg.norm(mean)
    return mean / length if length > NO_DIRECTION * luminance.sum() else np.full(3, np.nan)


def _angles(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    # Kahan's formula keeps its precision at 0 and 180 degrees.
    return np.degrees(
        2 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    )


def _rms(values: NDArray[np.floating]) -> float:
    return float(np.sqrt(np.mean(np.square(values))))

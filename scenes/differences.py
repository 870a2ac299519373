"""Physical differences between two scenes in shape, material, lighting and pose.

The first argument is always the target: lengths are divided by its radius, and the floor of
radiance is a share of its mean radiance. Measures that are undefined are NaN, never 0.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenes.arrays import Mesh
from scenes.base.errors import InputError, unknown
from scenes.film import LUMINANCE
from scenes.geometry.surface import Surface, volume_iou
from scenes.geometry.topology import manifold_problem
from scenes.lamps import LAMPS, Lamp, direction_to, distance_to, sizes, strength
from scenes.lighting import map_directions, radiance_over_sphere, solid_angles
from scenes.material import SCALARS, Material
from scenes.pose import Pose
from scenes.reflectance import direction_table, has_textures, reflectance, texture_places, values_at
from scenes.scene import Light, Scene
from scenes.shape import bounding_sphere, geometry

# The measure that orders the scenes of a series, for each attribute.
DISTANCE: dict[str, str] = {
    "shape": "chamfer",
    "material": "rms_log_reflectance",
    "lighting": "rms_log_radiance",
    "pose": "angle",
}
# Measures that describe how well an attribute is recovered, and their units.
MEASURE_UNITS: dict[str, dict[str, str]] = {
    "shape": {"chamfer": "radii", "normal_angle": "degrees", "volume_iou": ""},
    "material": {"rms_log_reflectance": "log units"},
    "lighting": {"rms_log_radiance": "log units", "dominant_angle": "degrees"},
    "pose": {"angle": "degrees", "translation": "scene units"},
}
UNITS = {attribute: MEASURE_UNITS[attribute][measure] for attribute, measure in DISTANCE.items()}

# Added to a reflectance factor before its logarithm: a ten-thousandth of white.
REFLECTANCE_FLOOR = 1e-4
# Added to radiance before its logarithm, as a fraction of the target's mean radiance.
RADIANCE_FLOOR = 1e-4
MAP_HEIGHT = 64  # rows of the maps in which lights are compared
NO_DIRECTION = 1e-6  # shorter mean directions, relative to mean luminance, count as none


def shape_difference(
    target: Mesh, other: Mesh, rng: np.random.Generator, samples: int = 20_000
) -> dict[str, float]:
    """Measure the difference between two surfaces.

    Parameters
    ----------
    target, other
        In the same coordinates; neither is moved or scaled.
    rng
        Draws the samples.
    samples
        Number of points drawn uniformly on each surface.

    Returns
    -------
    dict
        ``chamfer``: mean of the two mean distances, from samples on one surface to the closest
        point of the other, ÷ radius of the target's bounding sphere. Closest points are exact
        points on the triangles, so equal surfaces have 0.
        ``hausdorff``: largest such distance, from samples and vertices, both ways, ÷ the same
        radius.
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
    """Return only the ``chamfer`` of `shape_difference`, equal for the same generator."""
    surfaces = Surface(target), Surface(other)
    means = [
        two.closest(one.sample(samples, rng).points)[0].mean()
        for one, two in (surfaces, surfaces[::-1])
    ]
    return float(np.mean(means) / bounding_sphere(target)[1])


def material_difference(target: Material, other: Material) -> dict[str, float]:
    """Measure the difference between two materials.

    Parameters
    ----------
    target, other
        Loaded materials.

    Returns
    -------
    dict
        For every parameter, by its name, the root mean square difference of its values (over
        channels, and over places if there are textures); and ``rms_log_reflectance``: the root
        mean square, over a fixed table of directions (`reflectance.direction_table`), channels and
        places, of the difference of ln(π f + 10⁻⁴), with f the BSDF for reflection.
    """
    textured = has_textures(target) or has_textures(other)
    places = texture_places() if textured else np.full((1, 2), 0.5)
    pair = [values_at(each, places) for each in (target, other)]
    differences = {"base_color": _rms(pair[1].base_color - pair[0].base_color)}
    for name in SCALARS:
        differences[name] = _rms(pair[1].scalars[name] - pair[0].scalars[name])
    logs = [np.log(reflectance(each, *direction_table()) + REFLECTANCE_FLOOR) for each in pair]
    return differences | {"rms_log_reflectance": _rms(logs[1] - logs[0])}


def lighting_difference(
    target: Light, other: Light, centre: Sequence[float] = (0.0, 0.0, 0.0)
) -> dict[str, float]:
    """Measure the difference between two lights, with their levels and rotations.

    Parameters
    ----------
    target, other
        Constant lights, loaded environment maps, or two lamps of one kind. Sun and sky must first
        be converted to a map.
    centre
        Centre of the object, in world coordinates.

    Returns
    -------
    dict
        ``rms_log_radiance``: root mean square over the sphere (weighted by solid angle) and the
        channels of the difference of ln(L + 10⁻⁴ L̄), with L̄ the target's mean radiance (the
        other's if the target is dark; if both are dark, the difference is 0).
        ``dominant_angle``: degrees between the dominant directions, the means of direction
        weighted by luminance; NaN if a light has none, such as a constant light.

    Raises
    ------
    InputError
        A light is sun and sky, or a map that is not loaded.
    """
    if isinstance(target, LAMPS) and isinstance(other, type(target)):
        return lamp_difference(target, other, np.asarray(centre, np.float64))
    if isinstance(target, LAMPS) or isinstance(other, LAMPS):
        raise InputError(f"lights of kind {target.kind} and {other.kind} cannot be compared")
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


def lamp_difference(target: Lamp, other: Lamp, centre: NDArray[np.float64]) -> dict[str, float]:
    """Measure the difference between two lamps of one kind.

    Parameters
    ----------
    target, other
        Lamps.
    centre
        Centre of the object (3,), in world coordinates.

    Returns
    -------
    dict
        ``rms_log_radiance``: √(s² + p² + r²). s is the root mean square over channels of the
        difference of log strength, r that of log size, p the distance between the two places ÷ the
        target's distance from `centre`; for suns, p is the angle between them in radians.
        ``dominant_angle``: degrees between the directions from `centre` to the lamps.
    """
    floor = RADIANCE_FLOOR * (strength(target).mean() or strength(other).mean() or 1.0)
    parts = [_rms(np.log((strength(other) + floor) / (strength(target) + floor)))]
    if sizes(target).size:
        parts.append(_rms(np.log(sizes(other) / sizes(target))))
    angle = float(_angles(direction_to(target, centre), direction_to(other, centre)))
    places = [distance_to(each, centre) * direction_to(each, centre) for each in (target, other)]
    moved = np.linalg.norm(places[1] - places[0]) / distance_to(target, centre)
    parts.append(np.radians(angle) if target.kind == "sun" else float(moved))
    return {"rms_log_radiance": float(np.linalg.norm(parts)), "dominant_angle": angle}


def pose_difference(
    target: Pose, other: Pose, centre: Sequence[float] = (0.0, 0.0, 0.0)
) -> dict[str, float]:
    """Measure the difference between two poses.

    Parameters
    ----------
    target, other
        Any poses.
    centre
        Centre of the object, in its own coordinates. Translation is measured there, because a
        rotation about another point also moves the object.

    Returns
    -------
    dict
        ``angle``: of the rotation from one orientation to the other, degrees, 0 to 180.
        ``translation``: distance between the two positions of the centre, scene units.
    """
    places = [each.matrix()[:3, :3] @ centre + each.matrix()[:3, 3] for each in (target, other)]
    turns = [Rotation.from_euler("xyz", each.rotation, degrees=True) for each in (target, other)]
    return {
        "angle": float(np.degrees((turns[1] * turns[0].inv()).magnitude())),
        "translation": float(np.linalg.norm(places[1] - places[0])),
    }


def shift(target: Scene, other: Scene) -> float:
    """Return how far the centre of the target's bounding sphere moved, in scene units."""
    return pose_difference(target.pose, other.pose, _centre(target))["translation"]


def scene_difference(
    target: Scene, other: Scene, attributes: Iterable[str], rng: np.random.Generator
) -> dict[str, dict[str, float]]:
    """Measure the difference between two scenes in the given attributes.

    Parameters
    ----------
    target, other
        Loaded scenes.
    attributes
        Any of ``shape``, ``material``, ``lighting``, ``pose``. Shapes are compared before the pose.
    rng
        Draws samples on surfaces.

    Returns
    -------
    dict
        For each attribute, the result of its own function, such as `shape_difference`.

    Raises
    ------
    InputError
        An attribute does not exist, or a scene is not loaded.
    """
    measures: dict[str, Callable[[], dict[str, float]]] = {
        "shape": lambda: shape_difference(geometry(target.shape), geometry(other.shape), rng),
        "material": lambda: material_difference(target.material, other.material),
        "lighting": lambda: lighting_difference(target.lighting, other.lighting, centre_of(target)),
        "pose": lambda: pose_difference(target.pose, other.pose, _centre(target)),
    }
    differences = {}
    for attribute in attributes:
        if attribute not in measures:
            raise unknown("attribute", attribute, measures)
        differences[attribute] = measures[attribute]()
    return differences


def _centre(scene: Scene) -> tuple[float, ...]:
    """Return the centre of the object's bounding sphere, before the pose."""
    return tuple(bounding_sphere(geometry(scene.shape))[0])


def centre_of(scene: Scene) -> tuple[float, ...]:
    """Return the centre of the object's bounding sphere, in world coordinates."""
    matrix = scene.pose.matrix()
    return tuple(matrix[:3, :3] @ _centre(scene) + matrix[:3, 3])


def _dominant(radiance: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean direction weighted by luminance, as a unit vector; NaN if there is none."""
    luminance = weights * (radiance @ LUMINANCE)
    mean = np.einsum("hw,hwd->d", luminance, map_directions(*luminance.shape))
    length = np.linalg.norm(mean)
    return mean / length if length > NO_DIRECTION * luminance.sum() else np.full(3, np.nan)


def _angles(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    # Kahan's formula keeps its precision at 0 and 180 degrees.
    """Return the angles between unit vectors, in degrees."""
    return np.degrees(
        2 * np.arctan2(np.linalg.norm(a - b, axis=-1), np.linalg.norm(a + b, axis=-1))
    )


def _rms(values: NDArray[np.floating]) -> float:
    """Return the root mean square."""
    return float(np.sqrt(np.mean(np.square(values))))

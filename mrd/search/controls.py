"""Controls: the target moved along a random direction, as far as a result lies from it.

No model is asked. The direction is drawn in the variables that the search moved, and smooth: low
modes of the surface for a shape, low frequencies for textures and lights. How far to go along it
is found on the true physical distance of `scenes.differences`, for each attribute on its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse
from numpy.typing import NDArray
from scipy.sparse.linalg import eigsh
from scipy.spatial.transform import Rotation

from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.differences import (
    DISTANCE,
    chamfer,
    lighting_difference,
    material_difference,
    pose_difference,
)
from scenes.geometry.normals import vertex_normals
from scenes.lighting import Constant, EnvironmentMap, Lighting, direction, map_directions
from scenes.material import RANGES, Material
from scenes.pose import Pose
from scenes.scene import Scene, check_visible
from scenes.shape import MeshShape, Shape, bounding_sphere, geometry, random_harmonics

# Of the surface: how many of the slowest modes a direction of shapes is mixed from. The very
# slowest ones bend the whole, the last have a dozen hills.
MODES = 30
DEGREE = 4  # highest spherical harmonic of a direction of textures and lights
# Materials stay a little inside their ranges, as those of a search do.
ETA = (1.05, 4.0)
ROUGHNESS = (0.05, 1.0)
BRIGHTEST = 1e6

TOLERANCE = 0.002  # of the wanted distance, relative: well inside the 1 % that is promised
MOST_STEPS = 60
DIRECTIONS_TRIED = 20

Array = NDArray[np.float64]
Way = Callable[[float], Any]
"""From an amplitude ≥ 0 to the attribute that far along a direction; at 0 the target's own."""


def controls(
    target: Scene,
    search: SearchConfig,
    wanted: Sequence[Mapping[str, float]],
    translations: Sequence[float],
    rng: np.random.Generator,
    sampling: int,
    samples: int = 20_000,
) -> list[Scene]:
    """Scenes along one random direction, each at given distances from the target.

    Parameters
    ----------
    target
        Loaded, in the search's representation.
    search
        Which attributes and parameters move.
    wanted
        For each scene, attribute → physical distance (`scenes.differences.DISTANCE`); every
        attribute is matched by itself.
    translations
        For each scene, how far the object's centre is moved, scene units; used where pose is
        searched.
    rng
        Draws the direction.
    sampling, samples
        Seed and number of the points by which shapes are compared.

    Returns
    -------
    list of Scene
        With all but the searched attributes the target's own.

    Raises
    ------
    InputError
        None of `DIRECTIONS_TRIED` directions reaches the distances within the ranges of the
        material, or leaves the object where every camera sees it.
    """
    changes: list[dict[str, Any]] = [{} for _ in wanted]
    for attribute in search.attributes:
        measure = measure_from(target, attribute, sampling, samples)
        distances = [each[attribute] for each in wanted]
        for _ in range(DIRECTIONS_TRIED):
            way = way_of(attribute, target, search, rng)
            amplitudes = reaching(_along(way, measure), distances)
            if amplitudes is not None:
                break
        else:
            raise InputError(
                f"control: no random direction of {attribute} reaches {DISTANCE[attribute]} "
                f"{max(distances):.3g} within its range ({DIRECTIONS_TRIED} tried); the result "
                "lies farther from the target than the searched parameters allow"
            )
        for change, amplitude in zip(changes, amplitudes, strict=True):
            change[attribute] = way(amplitude)
    scenes = [target.model_copy(update=change) for change in changes]
    if "pose" in search.attributes:
        return _aside(target, scenes, translations, rng)
    return scenes


def _aside(
    target: Scene, turned: Sequence[Scene], far: Sequence[float], rng: np.random.Generator
) -> list[Scene]:
    """Turned scenes, their objects moved along one random direction that keeps them in view."""
    problem = ""
    for _ in range(DIRECTIONS_TRIED):
        way = _unit(rng.normal(size=3))
        moved = [
            centred(scene, target, length * way) for scene, length in zip(turned, far, strict=True)
        ]
        try:
            for scene in moved:
                check_visible(scene)
        except InputError as error:
            problem = str(error)
        else:
            return moved
    raise InputError(
        f"control: no random direction of pose keeps the object in view when it is moved "
        f"{max(far):.3g} ({DIRECTIONS_TRIED} tried): {problem}"
    )


def centred(scene: Scene, target: Scene, offset: Array) -> Scene:
    """Give a scene with its object's centre an offset (3,) from where the target has it."""
    centre = bounding_sphere(geometry(target.shape))[0]
    own = target.pose.matrix()
    place = own[:3, :3] @ centre + own[:3, 3] + offset
    x, y, z = (float(each) for each in place - scene.pose.matrix()[:3, :3] @ centre)
    pose = scene.pose.model_copy(update={"translation": (x, y, z)})
    return scene.model_copy(update={"pose": pose})


def reaching(distance: Callable[[float], float], wanted: Sequence[float]) -> list[float] | None:
    """Amplitudes at which a distance takes given values, to `TOLERANCE`.

    Parameters
    ----------
    distance
        Continuous in the amplitude, 0 at 0; it need not grow everywhere.
    wanted
        Distances ≥ 0.

    Returns
    -------
    list of float or None
        None where the largest is not reached.
    """
    known = [(0.0, 0.0)]
    amplitude = 1.0
    for _ in range(MOST_STEPS):  # a bracket of the farthest, in steps that double
        reached = distance(amplitude)
        known.append((amplitude, reached))
        if reached >= max(wanted):
            break
        if len(known) > 3 and reached <= known[-3][1]:
            return None
        amplitude *= 2
    else:
        return None
    found = [_between(distance, each, known) for each in wanted]
    return None if None in found else [each for each in found if each is not None]


def _between(
    distance: Callable[[float], float], wanted: float, known: list[tuple[float, float]]
) -> float | None:
    """Regula falsi (Illinois) between the nearest known amplitudes; remembers what it measured."""
    if wanted == 0:
        return 0.0
    known.sort()
    high = next(k for k, (_, d) in enumerate(known) if d >= wanted)
    (a, at_a), (b, at_b) = known[high - 1], known[high]
    weight_a, weight_b = at_a - wanted, at_b - wanted
    for _ in range(MOST_STEPS):
        if abs(at_b - wanted) <= TOLERANCE * wanted:
            return b
        middle = (a * weight_b - b * weight_a) / (weight_b - weight_a)
        reached = distance(middle)
        known.append((middle, reached))
        if abs(reached - wanted) <= TOLERANCE * wanted:
            return middle
        if reached < wanted:
            a, weight_a, weight_b = middle, reached - wanted, weight_b / 2
        else:
            b, at_b, weight_b, weight_a = middle, reached, reached - wanted, weight_a / 2
    return None


def _along(way: Way, measure: Callable[[Any], float]) -> Callable[[float], float]:
    return lambda amplitude: measure(way(amplitude))


def measure_from(
    target: Scene, attribute: str, sampling: int, samples: int = 20_000
) -> Callable[[Any], float]:
    """Make the physical distance of an attribute from the target's.

    Parameters
    ----------
    target
        Loaded.
    attribute
        Of shape, material, lighting, pose.
    sampling, samples
        As for `controls`: the same points every time, so that the distance is continuous.

    Returns
    -------
    callable
        From another value of the attribute to its `scenes.differences.DISTANCE`.
    """
    figure = DISTANCE[attribute]
    if attribute == "shape":
        own = geometry(target.shape)
        return lambda shape: chamfer(own, geometry(shape), np.random.default_rng(sampling), samples)
    differences: dict[str, Callable[[Any], dict[str, float]]] = {
        "material": lambda other: material_difference(target.material, other),
        "lighting": lambda other: lighting_difference(target.lighting, other),
        "pose": lambda other: pose_difference(target.pose, other),
    }
    return lambda other: differences[attribute](other)[figure]


def way_of(attribute: str, target: Scene, search: SearchConfig, rng: np.random.Generator) -> Way:
    """Draw a random direction of an attribute, away from the target.

    Raises
    ------
    InputError
        The target's light has nothing to vary.
    """
    ways: dict[str, Callable[[], Way]] = {
        "shape": lambda: _shape_way(target.shape, rng),
        "material": lambda: _material_way(target.material, search.material_parameters, rng),
        "lighting": lambda: _lighting_way(target.lighting, rng),
        "pose": lambda: _pose_way(target.pose, rng),
    }
    return ways[attribute]()


# ---- Shape --------------------------------------------------------------------------------------


def _shape_way(shape: Shape, rng: np.random.Generator) -> Way:
    """Along the normals, by a random mix of the surface's slowest modes; amplitudes in lengths."""
    mesh = geometry(shape)
    heights = smooth_field(mesh, rng)
    displacement = heights[:, None] * vertex_normals(mesh)
    scale = float(np.linalg.norm(mesh.vertices, axis=1).max()) / 10

    def moved(amplitude: float) -> Shape:
        if amplitude == 0:
            return shape
        vertices = mesh.vertices + amplitude * scale * displacement
        surface = Mesh(vertices.astype(np.float32), mesh.faces, mesh.uvs)
        return MeshShape(surface=surface, fit=False, normals=shape.normals)

    return moved


def smooth_field(mesh: Mesh, rng: np.random.Generator) -> Array:
    """Random smooth function (V,) on a surface, of root mean square 1.

    A mix, with Gaussian weights, of the eigenvectors of the graph Laplacian with the smallest
    eigenvalues but the constant ones. Vertices at one place move as one.
    """
    places, owner = np.unique(mesh.vertices, axis=0, return_inverse=True)
    owner = owner.ravel()
    count = len(places)
    edges = owner[np.concatenate([mesh.faces[:, [i, (i + 1) % 3]] for i in range(3)])]
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    edges = edges[edges[:, 0] != edges[:, 1]]
    ones = np.ones(2 * len(edges))
    rows, columns = edges.T.ravel(), edges[:, ::-1].T.ravel()
    adjacency = scipy.sparse.coo_matrix((ones, (rows, columns)), shape=(count, count)).tocsc()
    degree = scipy.sparse.diags(np.asarray(adjacency.sum(axis=1)).ravel())
    asked = min(MODES + 1, count - 1)
    # Shifted below 0, so that what is factorised is regular; the start vector makes it repeat.
    _, modes = eigsh(
        degree - adjacency, k=asked, sigma=-1e-3, which="LM", v0=np.ones(count) + np.arange(count)
    )
    field = modes @ rng.normal(size=asked)
    field = (field - field.mean())[owner]
    return field / np.sqrt(np.mean(field**2))


# ---- Material -----------------------------------------------------------------------------------


def _material_way(material: Material, parameters: Sequence[str], rng: np.random.Generator) -> Way:
    """All searched parameters at once; what would leave its range is reflected at the end of it."""
    steps: dict[str, tuple[Array, Array, float, float]] = {}
    for name in parameters:
        value = getattr(material, name)
        low, high = {"eta": ETA, "roughness": ROUGHNESS}.get(name, RANGES.get(name, (0.0, 1.0)))
        start = value.pixels.astype(np.float64) if isinstance(value, Picture) else np.array(value)
        if name == "base_color" and start.ndim < 3:
            start = np.broadcast_to(start, 3).astype(np.float64)
        # A target may stand outside the range that searches keep to.
        low, high = min(low, float(start.min())), max(high, float(start.max()))
        step = _texture_step(start.shape, rng) if start.ndim == 3 else rng.normal(size=start.shape)
        steps[name] = (start, 0.1 * (high - low) * np.asarray(step), low, high)

    def moved(amplitude: float) -> Material:
        changes: dict[str, Any] = {}
        for name, (start, step, low, high) in steps.items():
            values = _reflected(start + amplitude * step, low, high)
            if values.ndim == 3:
                changes[name] = Picture(values.astype(np.float32))
            elif values.ndim == 1:
                changes[name] = tuple(float(each) for each in values)
            else:
                changes[name] = float(values)
        return material if amplitude == 0 else material.model_copy(update=changes)

    return moved


def _texture_step(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Smooth random (H, W, C) over the sphere that spherical texture coordinates unfold."""
    height, width, channels = shape
    v, u = np.meshgrid(
        (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij"
    )
    return _colours(direction(u, v), channels, rng)


def _reflected(values: Array, low: float, high: float) -> Array:
    """Fold values back into a range, as a ball between two walls; continuous."""
    span = high - low
    folded = np.mod(values - low, 2 * span)
    return low + np.minimum(folded, 2 * span - folded)


# ---- Lighting -----------------------------------------------------------------------------------


def _lighting_way(lighting: Lighting, rng: np.random.Generator) -> Way:
    """Log radiance moved by a smooth function over the sphere; a constant light by its colour."""
    if isinstance(lighting, EnvironmentMap) and isinstance(lighting.radiance, Picture):
        pixels = lighting.radiance.pixels.astype(np.float64)
        step = _colours(map_directions(*pixels.shape[:2]), 3, rng)
    elif isinstance(lighting, Constant):
        pixels, step = np.array(lighting.radiance), rng.normal(size=3)
    else:
        raise InputError(
            f"control: a light of kind {lighting.kind} has no map to vary; use constant or map"
        )

    def moved(amplitude: float) -> Lighting:
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

    return moved


def _colours(directions: Array, channels: int, rng: np.random.Generator) -> Array:
    """Independent random harmonics for every channel, (…, channels), each of mean square 1."""
    flat = directions.reshape(-1, 3)
    fields = [random_harmonics(flat, DEGREE, rng) for _ in range(channels)]
    return np.stack(fields, axis=1).reshape(*directions.shape[:-1], channels)


# ---- Pose ---------------------------------------------------------------------------------------


def _pose_way(pose: Pose, rng: np.random.Generator) -> Way:
    """A turn about a random axis; amplitudes are tens of degrees, at most half a turn."""
    axis = _unit(rng.normal(size=3))
    own = Rotation.from_euler("xyz", pose.rotation, degrees=True)

    def turned(amplitude: float) -> Pose:
        if amplitude == 0:
            return pose
        angle = np.radians(min(10 * amplitude, 180.0))
        x, y, z = (
            float(each)
            for each in (Rotation.from_rotvec(angle * axis) * own).as_euler("xyz", degrees=True)
        )
        return pose.model_copy(update={"rotation": (x, y, z)})

    return turned


def _unit(vector: Array) -> Array:
    return vector / np.linalg.norm(vector)

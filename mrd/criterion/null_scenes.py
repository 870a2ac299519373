"""The scenes of a null: the target with random values of its searched attributes.

If you change a range below, raise `null_and_ceiling.VERSION`, so that stored nulls are computed
again. A light may be the target's own map, rotated, which makes the criterion stricter.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from mrd.rendering.representation import as_map, mean_radiance, represented
from mrd.rendering.to_mitsuba import pixels_of
from mrd.study.search_section import SearchConfig
from scenes.arrays import Mesh, Picture
from scenes.camera import share_in_view, sides_of_view
from scenes.differences import centre_of
from scenes.lamps import (
    LAMPS,
    Lamp,
    Sun,
    distance_to,
    sizes,
    strength,
    with_sizes,
    with_strength,
)
from scenes.library import LIGHTS
from scenes.lighting import (
    Constant,
    EnvironmentMap,
    Lighting,
    SunSky,
    direction,
    map_directions,
)
from scenes.loading import loaded_lighting, loaded_shape
from scenes.material import TEXTURED, Material
from scenes.pose import Pose
from scenes.scene import Light, Scene
from scenes.shape import Blob, MeshShape, Shape, bounding_sphere, geometry
from scenes.visibility import is_behind

BLOB_AMPLITUDE = (0.1, 0.45)
BLOB_DEGREE = (3, 10)
BASE_COLOR = (0.05, 0.95)
ROUGHNESS = (0.08, 1.0)
ANISOTROPIC = (0.0, 0.9)
TEXTURE_CONTRAST = (0.05, 0.3)  # size of a texture's smooth variation about its mean colour
LIGHT_STOPS = (-1.0, 1.0)  # log2 of mean radiance, relative to that of the target
SCALE_STOPS = (-2.0, 2.0)  # log2 of the scale of sun or sky, relative to that of the start
LAMP_ELEVATION = (5.0, 85.0)
PLACES_OF_LAMP = 50
LAMP_SIZE_STOPS = (-1.0, 1.0)  # log2 of the size, relative to that of the target
SUN_ELEVATION = (5.0, 85.0)
TURBIDITY = (2.0, 8.0)
ALBEDO = (0.0, 0.8)
SHIFT = 0.2  # largest shift of the object's centre, in radii of the target's bounding sphere
MESHES_OF_NULL = ("bunny", "suzanne")
SHARE_OF_MESHES = 0.25  # share of library meshes among the shapes; the others are random blobs


def null_scene(target: Scene, search: SearchConfig, rng: np.random.Generator) -> Scene:
    """Return one random scene of the null, loaded, in the representation of the search."""
    draw: dict[str, Callable[[], object]] = {
        "shape": lambda: _shape(target, rng),
        "material": lambda: _material(target.material, search, rng),
        "lighting": lambda: _light(target, search, rng),
        "pose": lambda: _pose(target, rng),
    }
    changes: dict[str, Any] = {name: draw[name]() for name in search.attributes}
    return represented(target.model_copy(update=changes).loaded(), search)


def null_scenes(target: Scene, search: SearchConfig, seed: int) -> Iterator[Scene]:
    """Yield all scenes of a null; the same seed gives the same scenes."""
    for rng in np.random.default_rng(seed).spawn(search.criterion.null):
        yield null_scene(target, search, rng)


def _shape(target: Scene, rng: np.random.Generator) -> Shape:
    """Return a rotated library mesh (not the target's) or a blob, in the size of the target."""
    own, normals = geometry(target.shape), target.shape.normals
    if rng.random() < SHARE_OF_MESHES:
        meshes = [loaded_shape(MeshShape(surface=name), Path()) for name in MESHES_OF_NULL]
        others = [mesh for mesh in map(geometry, meshes) if mesh.sha256 != own.sha256]
        turned = _turned(others[rng.integers(len(others))], rng)
        return _filling(own, MeshShape(surface=turned, fit=False, normals=normals))
    blob = Blob(
        seed=int(rng.integers(2**31)),
        amplitude=float(rng.uniform(*BLOB_AMPLITUDE)),
        degree=int(rng.integers(*BLOB_DEGREE, endpoint=True)),
        normals=normals,
    )
    return _filling(own, blob)


def _filling(own: Mesh, shape: Shape) -> Shape:
    """Move and scale a shape with the unit bounding sphere to the bounding sphere of mesh `own`."""
    centre, radius = bounding_sphere(own)
    if np.allclose([*centre, radius], [0, 0, 0, 1], atol=1e-3):
        return shape
    mesh = geometry(shape)
    vertices = (mesh.vertices * radius + centre).astype(np.float32)
    return MeshShape(surface=Mesh(vertices, mesh.faces), fit=False, normals=shape.normals)


def _turned(mesh: Mesh, rng: np.random.Generator) -> Mesh:
    """Return the mesh, rotated about the vertical axis by a random angle."""
    angle = rng.uniform(0, 2 * np.pi)
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return Mesh((mesh.vertices @ turn.T).astype(np.float32), mesh.faces, None)


def _material(target: Material, search: SearchConfig, rng: np.random.Generator) -> Material:
    """Return the material with random values of the searched parameters; metallic is 0 or 1."""
    draws: dict[str, Callable[[], object]] = {
        "base_color": lambda: tuple(float(c) for c in rng.uniform(*BASE_COLOR, size=3)),
        "roughness": lambda: float(rng.uniform(*ROUGHNESS)),
        "metallic": lambda: float(rng.random() < 0.5),
        "eta": lambda: float(rng.uniform(1.2, 2.0)),
        "anisotropic": lambda: float(rng.uniform(*ANISOTROPIC)),
    }
    changes: dict[str, Any] = {
        name: draws.get(name, lambda: float(rng.random()))() for name in search.material_parameters
    }
    limits = {"base_color": BASE_COLOR, "roughness": ROUGHNESS, "metallic": (0.0, 1.0)}
    for name in search.textures:
        texels = _texture(changes[name], TEXTURED[name], search.texture_resolution, rng)
        changes[name] = Picture(np.clip(texels, *limits[name]).astype(np.float32))
    return target.model_copy(update=changes)


def _texture(
    mean: Any, channels: int, resolution: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return a smooth random texture (n, n, channels) around a mean colour or number."""
    v, u = np.meshgrid(*[(np.arange(resolution) + 0.5) / resolution] * 2, indexing="ij")
    contrast = rng.uniform(*TEXTURE_CONTRAST)
    field = _smooth_field(direction(u, v), rng)
    return np.asarray(mean) + contrast * field[:, :, :channels]


def _light(target: Scene, search: SearchConfig, rng: np.random.Generator) -> Light:
    """Return a random light, or a lamp with random values of its searched parameters."""
    lamp = target.lighting
    if not isinstance(lamp, LAMPS):
        return _lighting(lamp, search, rng)
    if "strength" in search.lamp_parameters:
        tint = rng.dirichlet((4, 4, 4)) * 3
        lamp = with_strength(lamp, strength(lamp).mean() * tint * 2 ** rng.uniform(*LIGHT_STOPS))
    changes: dict[str, Any] = {}
    if "place" in search.lamp_parameters:
        changes |= _place_of_lamp(target, lamp, rng)
    if "size" in search.lamp_parameters:
        stops = rng.uniform(*LAMP_SIZE_STOPS, size=len(sizes(lamp)))
        changes |= with_sizes(lamp, sizes(lamp) * 2**stops)
    return lamp.model_copy(update=changes)


def _place_of_lamp(target: Scene, lamp: Lamp, rng: np.random.Generator) -> dict[str, Any]:
    """Return a random place above the horizon (uniform), as far from the object as the lamp is.

    A place behind another object, as seen from the object, is drawn again, at most
    `PLACES_OF_LAMP` times in all.
    """
    centre = np.array(centre_of(target))
    distance = distance_to(lamp, centre)
    found: dict[str, Any] = {}
    for _ in range(PLACES_OF_LAMP):
        up, azimuth = rng.uniform(*np.sin(np.radians(LAMP_ELEVATION))), rng.uniform(0, 360)
        if isinstance(lamp, Sun):
            return {"elevation": float(np.degrees(np.arcsin(up))), "azimuth": azimuth}
        flat, a = np.sqrt(1 - up**2), np.radians(azimuth)
        place = centre + distance * np.array([flat * np.sin(a), up, flat * np.cos(a)])
        found = {"place": tuple(place.tolist())}
        if not is_behind(target, place):
            break
    return found


def _lighting(target: Lighting, search: SearchConfig, rng: np.random.Generator) -> Lighting:
    """Return a random light of similar mean radiance: a rotated library map, or a smooth one."""
    if isinstance(search.start.lighting, SunSky):
        return _sky(search.start.lighting, mean_radiance(target), search, rng)
    stops = rng.uniform(*LIGHT_STOPS)
    if isinstance(target, Constant):
        tint = rng.dirichlet((4, 4, 4)) * 3
        level = mean_radiance(target) * 2**stops
        return Constant(radiance=tuple(float(level * channel) for channel in tint))
    height = search.environment_height
    if rng.random() < 0.5:
        name = str(rng.choice(sorted(LIGHTS)))
        turned = EnvironmentMap(radiance=name, rotation=float(rng.uniform(0, 360)))
        pixels = pixels_of(as_map(loaded_lighting(turned, Path()), height))
    else:
        pixels = np.exp(_smooth_field(map_directions(height, 2 * height), rng))
    drawn = EnvironmentMap(radiance=Picture(pixels.astype(np.float32)))
    level = mean_radiance(target) / max(mean_radiance(drawn), 1e-9) * 2**stops
    return drawn.model_copy(update={"level": level})


def _sky(
    start: SunSky, level: float, search: SearchConfig, rng: np.random.Generator
) -> EnvironmentMap:
    """Return a sun and sky, as a map, with random values of the searched parameters.

    If both scales are searched, its mean radiance is random too, around `level`.
    """
    draws: dict[str, Callable[[], float]] = {
        "sun_scale": lambda: start.sun_scale * 2 ** rng.uniform(*SCALE_STOPS),
        "sky_scale": lambda: start.sky_scale * 2 ** rng.uniform(*SCALE_STOPS),
        "sun_elevation": lambda: rng.uniform(*SUN_ELEVATION),
        "sun_azimuth": lambda: rng.uniform(0, 360),
        "turbidity": lambda: rng.uniform(*TURBIDITY),
        "albedo": lambda: rng.uniform(*ALBEDO),
    }
    drawn = start.model_copy(update={name: draws[name]() for name in search.sky_parameters})
    picture = as_map(drawn, search.environment_height)
    if not {"sun_scale", "sky_scale"} <= set(search.sky_parameters):
        return picture
    stops = rng.uniform(*LIGHT_STOPS)
    return picture.model_copy(
        update={"level": level / max(mean_radiance(picture), 1e-9) * 2**stops}
    )


def _pose(target: Scene, rng: np.random.Generator) -> Pose:
    """Return a random orientation (uniform), with the object's centre moved a little, in view."""
    matrix = target.pose.matrix()
    middle, radius = bounding_sphere(geometry(target.shape))
    centre = matrix[:3, :3] @ middle + matrix[:3, 3]
    shift = rng.normal(size=3)
    shift *= radius * SHIFT * rng.random() ** (1 / 3) / np.linalg.norm(shift)
    shift *= share_in_view(centre, shift, *sides_of_view(target.cameras, radius))
    turned = np.eye(4)
    turned[:3, :3] = Rotation.random(rng=rng).as_matrix()
    turned[:3, 3] = centre + shift - turned[:3, :3] @ middle
    return Pose.from_matrix(turned)


def _smooth_field(directions: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return colours (…, 3) at directions (…, 3): a smooth random function on the sphere."""
    field = np.zeros(directions.shape)
    for frequency in (1, 2, 4):
        waves = rng.normal(size=(3, 3))
        phase = rng.uniform(0, 2 * np.pi, size=3)
        amplitude = rng.normal(size=3) / np.sqrt(frequency)
        field += amplitude * np.sin(frequency * directions @ waves.T + phase)
    return field

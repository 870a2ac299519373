"""Whether cameras see the object of a scene, and cameras and lamps are outside all objects."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.base.frozen import Triple
from scenes.camera import Camera, cameras
from scenes.differences import centre_of
from scenes.geometry.segments import crossed, is_inside
from scenes.geometry.topology import manifold_problem
from scenes.lamps import LAMPS
from scenes.objects import Object
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry

SAMPLES = 300  # points on the object from which a camera must see one
FIRST = 20  # every point with a number that is a multiple of this is tried first
POINTS = 9  # along each side of an image, at which large triangles are looked for


def check_visible(scene: Scene) -> None:
    """Raise if a camera does not see the object, or if a camera or a lamp is inside an object.

    Parameters
    ----------
    scene
        A loaded scene.

    Raises
    ------
    InputError
        The message names the camera or the lamp, and the reason.
    """
    for problem in (*camera_problems(scene).values(), *lamp_problems(scene).values()):
        raise InputError(f"scene '{scene.name}': {problem}")


def camera_problems(scene: Scene) -> dict[str, str]:
    """Return why cameras of a loaded scene do not see its object, or are inside one, by name."""
    own, views = placed_mesh(scene), cameras(scene.cameras)
    problems: dict[str, str] = {}
    for camera in views:
        problem = "" if scene.others else _in_sphere(scene, camera)
        if not problem and (reason := _unseen(camera, own.vertices, own.faces)):
            problem = (
                f"camera {camera.name} sees nothing of the object: {reason}; change cameras or "
                "pose.translation"
            )
        if problem:
            problems[camera.name] = problem
    if scene.others or scene.lamps:
        within = _within(scene, {f"camera {each.name}": each.origin for each in views})
        problems = {name.removeprefix("camera "): text for name, text in within.items()} | problems
    if scene.others:
        problems |= _hidden(scene, own, [each for each in views if each.name not in problems])
    return problems


def lamp_problems(scene: Scene) -> dict[str, str]:
    """Return why lamps of a loaded scene are at a wrong place, by name."""
    lights = {scene.light: scene.lighting, **scene.lamps}
    places = {
        f"lamp {name}": each.place
        for name, each in lights.items()
        if isinstance(each, LAMPS) and each.kind != "sun"
    }
    return {name.removeprefix("lamp "): text for name, text in _within(scene, places).items()}


def is_behind(scene: Scene, place: NDArray[np.float64]) -> bool:
    """Return whether another object is between the object's centre and a place (3,)."""
    if not scene.others:
        return False
    centre = np.array(centre_of(scene))[None]
    return bool(crossed(centre, place[None], _triangles_of_others(scene))[0])


def _triangles_of_others(scene: Scene) -> NDArray[np.float64]:
    """Return the triangles (F, 3, 3) of all other objects that light does not pass through."""
    opaque = [each for each in scene.others.values() if each.material.spec_trans == 0]
    meshes = [placed_mesh(each) for each in opaque]
    found = [each.vertices.astype(np.float64)[each.faces] for each in meshes]
    return np.concatenate([np.empty((0, 3, 3)), *found])


def placed_mesh(each: Scene | Object) -> Mesh:
    """Return the mesh of an object in world coordinates, without texture coordinates."""
    matrix, mesh = each.pose.matrix(), geometry(each.shape)
    vertices = mesh.vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return Mesh(vertices.astype(np.float32), mesh.faces)


def _in_sphere(scene: Scene, camera: Camera) -> str:
    """Return the problem of a camera inside the bounding sphere of the only object, or ""."""
    matrix = scene.pose.matrix()
    centre, radius = bounding_sphere(geometry(scene.shape))
    centre = matrix[:3, :3] @ centre + matrix[:3, 3]
    distance = float(np.linalg.norm(np.subtract(camera.origin, centre)))
    if distance > radius:
        return ""
    return (
        f"camera {camera.name} is inside the object's bounding sphere (at {distance:.3g} from its "
        f"centre, radius {radius:.3g}); raise cameras.distance"
    )


def _within(scene: Scene, places: Mapping[str, Triple]) -> dict[str, str]:
    """Return the problems of places inside an object with a closed surface.

    A closed surface whose faces look inward is a room: places inside it are allowed.
    """
    problems: dict[str, str] = {}
    points = np.array(list(places.values()), dtype=np.float64).reshape(-1, 3)
    if not len(points):
        return problems
    for name, each in scene.objects.items():
        mesh = placed_mesh(each)
        low, high = mesh.vertices.min(axis=0), mesh.vertices.max(axis=0)
        near = ((points > low) & (points < high)).all(axis=1)
        if not near.any() or manifold_problem(mesh) or _volume(mesh) < 0:
            continue
        for index in np.flatnonzero(near)[is_inside(points[near], mesh)]:
            what = list(places)[index]
            problems.setdefault(what, f"{what} is inside the object '{name}'; move one of them")
    return problems


def _volume(mesh: Mesh) -> float:
    """Return the volume inside a closed surface, negative if its faces look inward."""
    a, b, c = np.moveaxis(mesh.vertices.astype(np.float64)[mesh.faces], 1, 0)
    return float(np.einsum("fd,fd->f", a, np.cross(b, c)).sum() / 6)


def _hidden(scene: Scene, own: Mesh, views: Sequence[Camera]) -> dict[str, str]:
    """Return the problems of cameras from which other objects hide the whole object, by name."""
    triangles = _triangles_of_others(scene)
    middles = own.vertices.astype(np.float64)[own.faces].mean(axis=1)
    points = middles[:: max(len(middles) // SAMPLES, 1)]
    problems = {}
    for camera in views:
        pixels = camera.project(points)
        framed = ((pixels > 0) & (pixels < (camera.width, camera.height))).all(axis=1)
        seen = points[framed]
        # A few points first: mostly, the camera sees one of them.
        batches = (seen[::FIRST], seen)
        if len(seen) and all(_all_hidden(camera, each, triangles) for each in batches):
            problems[camera.name] = (
                f"other objects ({', '.join(scene.others)}) hide the whole object '{scene.object}' "
                f"from camera {camera.name}; move the camera or the objects"
            )
    return problems


def _all_hidden(
    camera: Camera, points: NDArray[np.float64], triangles: NDArray[np.float64]
) -> bool:
    """Return whether triangles (F, 3, 3) hide all points (N, 3) from a camera."""
    eye = np.array(camera.origin, np.float64)
    near = triangles[_in_cone(eye, points, triangles)]
    return bool((crossed(np.broadcast_to(eye, points.shape), points, near) > 0).all())


def _in_cone(
    eye: NDArray[np.float64], points: NDArray[np.float64], triangles: NDArray[np.float64]
) -> NDArray[np.bool_]:
    """Return which triangles may meet the cone from an eye around points in front of it."""
    axis = points.mean(axis=0) - eye
    axis /= np.linalg.norm(axis)

    def along_and_beside(places: NDArray[np.float64]) -> tuple[NDArray[Any], NDArray[Any]]:
        along = (places - eye) @ axis
        return along, np.linalg.norm(places - eye - along[:, None] * axis, axis=1)

    middles = triangles.mean(axis=1)
    radii = np.linalg.norm(triangles - middles[:, None], axis=2).max(axis=1)
    depth, width = along_and_beside(points)
    if depth.min() <= 0:
        return np.ones(len(triangles), bool)
    slope = float((width / depth).max())
    along, beside = along_and_beside(middles)
    return (
        (along + radii >= 0)
        & (along - radii <= depth.max())
        & (beside - radii <= slope * (along + radii))
    )


def _unseen(camera: Camera, vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> str | None:
    """Return why a camera does not see the object; None if it sees some of it."""
    pixels = camera.project(vertices)
    if np.isnan(pixels).all():
        return "all of it is behind the camera"
    size = (camera.width, camera.height)
    if np.any((pixels > 0).all(axis=1) & (pixels < size).all(axis=1)):
        return None
    # No vertex is in the frame, but a large triangle may cover a point of it.
    triangles = pixels[faces]
    edges = np.roll(triangles, -1, axis=1) - triangles
    flat = edges[:, 0, 0] * edges[:, 1, 1] == edges[:, 0, 1] * edges[:, 1, 0]
    for point in _points_of(size):
        toward = point - triangles
        sides = edges[..., 0] * toward[..., 1] - edges[..., 1] * toward[..., 0]
        if np.any(((sides >= 0).all(axis=1) | (sides <= 0).all(axis=1)) & ~flat):
            return None
    return "all of it is outside the frame"


def _points_of(size: tuple[int, int]) -> NDArray[np.float64]:
    """Return points (N, 2) that are spread over an image, the middle first."""
    steps = (np.arange(POINTS) + 0.5) / POINTS
    points = np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2)
    nearest_first = np.argsort(np.abs(points - 0.5).max(axis=1), kind="stable")
    return points[nearest_first] * size

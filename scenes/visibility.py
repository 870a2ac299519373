"""Whether cameras see the object of a scene, and cameras and lamps are outside all objects."""

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.camera import Camera, cameras
from scenes.geometry.segments import crossed, is_inside
from scenes.geometry.topology import manifold_problem
from scenes.lamps import LAMPS
from scenes.objects import Object
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry

SAMPLES = 300  # points on the object from which a camera must see one


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
    own = placed_mesh(scene)
    for camera in cameras(scene.cameras):
        if not scene.others:
            _check_outside_sphere(scene, camera)
        problem = _unseen(camera, own.vertices, own.faces)
        if problem:
            raise InputError(
                f"scene '{scene.name}': camera {camera.name} sees nothing of the object: "
                f"{problem}; change cameras or pose.translation"
            )
    if scene.others or scene.lamps:
        _check_places(scene)
    if scene.others:
        _check_not_hidden(scene, own)


def placed_mesh(each: Scene | Object) -> Mesh:
    """Return the mesh of an object in world coordinates, without texture coordinates."""
    matrix, mesh = each.pose.matrix(), geometry(each.shape)
    vertices = mesh.vertices.astype(np.float64) @ matrix[:3, :3].T + matrix[:3, 3]
    return Mesh(vertices.astype(np.float32), mesh.faces)


def _check_outside_sphere(scene: Scene, camera: Camera) -> None:
    """Raise if a camera is inside the bounding sphere of the only object."""
    matrix = scene.pose.matrix()
    centre, radius = bounding_sphere(geometry(scene.shape))
    centre = matrix[:3, :3] @ centre + matrix[:3, 3]
    distance = float(np.linalg.norm(np.subtract(camera.origin, centre)))
    if distance <= radius:
        raise InputError(
            f"scene '{scene.name}': camera {camera.name} is inside the object's bounding "
            f"sphere (at {distance:.3g} from its centre, radius {radius:.3g}); raise "
            "cameras.distance"
        )


def _check_places(scene: Scene) -> None:
    """Raise if a camera or a lamp is inside an object with a closed surface."""
    lights = {scene.light: scene.lighting, **scene.lamps}
    places = {f"camera {each.name}": each.origin for each in cameras(scene.cameras)}
    places |= {
        f"lamp {name}": each.place
        for name, each in lights.items()
        if isinstance(each, LAMPS) and each.kind != "sun"
    }
    points = np.array(list(places.values()), dtype=np.float64)
    for name, each in scene.objects.items():
        if manifold_problem(geometry(each.shape)):
            continue
        within = is_inside(points, placed_mesh(each))
        if within.any():
            what = list(places)[int(within.argmax())]
            raise InputError(
                f"scene '{scene.name}': {what} is inside the object '{name}'; move one of them"
            )


def _check_not_hidden(scene: Scene, own: Mesh) -> None:
    """Raise if other objects hide the whole object from a camera."""
    others = [placed_mesh(each) for each in scene.others.values()]
    triangles = np.concatenate([each.vertices.astype(np.float64)[each.faces] for each in others])
    middles = own.vertices.astype(np.float64)[own.faces].mean(axis=1)
    points = middles[:: max(len(middles) // SAMPLES, 1)]
    for camera in cameras(scene.cameras):
        pixels = camera.project(points)
        framed = ((pixels > 0) & (pixels < (camera.width, camera.height))).all(axis=1)
        seen = points[framed]
        eye = np.broadcast_to(np.array(camera.origin, np.float64), seen.shape)
        if len(seen) and (crossed(eye, seen, triangles) > 0).all():
            raise InputError(
                f"scene '{scene.name}': other objects ({', '.join(scene.others)}) hide the whole "
                f"object '{scene.object}' from camera {camera.name}; move the camera or the objects"
            )


def _unseen(camera: Camera, vertices: NDArray[np.float32], faces: NDArray[np.int32]) -> str | None:
    """Return why a camera does not see the object; None if it sees some of it."""
    pixels = camera.project(vertices)
    if np.isnan(pixels).all():
        return "all of it is behind the camera"
    size = (camera.width, camera.height)
    if np.any((pixels > 0).all(axis=1) & (pixels < size).all(axis=1)):
        return None
    # No vertex is in the frame, but a large triangle may cover it.
    triangles = pixels[faces]
    middle = np.array(size) / 2
    edges = np.roll(triangles, -1, axis=1) - triangles
    toward = middle - triangles
    sides = edges[..., 0] * toward[..., 1] - edges[..., 1] * toward[..., 0]
    if np.any((sides > 0).all(axis=1) | (sides < 0).all(axis=1)):
        return None
    return "all of it is outside the frame"

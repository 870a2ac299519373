"""Whether every camera of a scene sees its object."""

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.camera import Camera, cameras
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry


def check_visible(scene: Scene) -> None:
    """Raise if a camera does not see the object, or is inside it.

    Parameters
    ----------
    scene
        A loaded scene.

    Raises
    ------
    InputError
        The message names the camera and the reason.
    """
    matrix = scene.pose.matrix()
    mesh = geometry(scene.shape)
    vertices = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
    centre, radius = bounding_sphere(mesh)
    centre = matrix[:3, :3] @ centre + matrix[:3, 3]
    for camera in cameras(scene.cameras):
        distance = float(np.linalg.norm(np.subtract(camera.origin, centre)))
        if distance <= radius:
            raise InputError(
                f"scene '{scene.name}': camera {camera.name} is inside the object's bounding "
                f"sphere (at {distance:.3g} from its centre, radius {radius:.3g}); raise "
                "cameras.distance"
            )
        problem = _unseen(camera, vertices, mesh.faces)
        if problem:
            raise InputError(
                f"scene '{scene.name}': camera {camera.name} sees nothing of the object: "
                f"{problem}; change cameras or pose.translation"
            )


def _unseen(camera: Camera, vertices: NDArray[np.float64], faces: NDArray[np.int32]) -> str | None:
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

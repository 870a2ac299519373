"""Objects of a scene on a page: mesh, pose, material, and where the name stands."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh, Picture
from scenes.geometry.normals import vertex_normals
from scenes.material import SCALARS, TEXTURED, Material
from scenes.objects import Object
from scenes.shape import geometry, with_spherical_uvs
from scenes.view.buffers import Buffers
from scenes.view.pictures import texture_url

# In radii of the main object.
NEAR = 1.6  # half side of the cube about it in which names stand
BESIDE = 0.8  # from its centre to the left and to the front, where the name of a ground stands


def surface(each: Object, buffers: Buffers) -> dict[str, Any]:
    """Return the record of a loaded object, without its name."""
    mesh, normals = geometry(each.shape), None
    if any(isinstance(getattr(each.material, name), Picture) for name in TEXTURED):
        mesh, normals = with_spherical_uvs(mesh)
    is_flat = each.shape.normals == "flat"
    if not is_flat and normals is None:
        normals = vertex_normals(mesh)
    return {
        "vertices": buffers.floats(mesh.vertices),
        "faces": buffers.indices(mesh.faces),
        "normals": None if is_flat or normals is None else buffers.floats(normals),
        "uvs": None if mesh.uvs is None else buffers.floats(mesh.uvs),
        "counts": [len(mesh.vertices), len(mesh.faces)],
        "matrix": each.pose.matrix().T.ravel().tolist(),  # column by column
        "material": material(each.material),
    }


def material(each: Material) -> dict[str, Any]:
    """Return the record of a loaded material: numbers, and textures as data URLs."""
    record: dict[str, Any] = {"textures": {}}
    for name in ("base_color", *SCALARS):
        value = getattr(each, name)
        if isinstance(value, Picture):
            color = name == "base_color"
            record["textures"][name] = texture_url(value, color=color)
            mean = value.pixels.mean(axis=(0, 1)).tolist()
            record[name] = mean if color else mean[0]
        elif name == "base_color":
            record[name] = np.broadcast_to(np.asarray(value, np.float64), 3).tolist()
        else:
            record[name] = value
    return record


def placed(each: Object) -> NDArray[np.float64]:
    """Return the vertices (V, 3) of a loaded object that faces use, in world coordinates."""
    mesh: Mesh = geometry(each.shape)
    matrix = each.pose.matrix()
    used = mesh.vertices[np.unique(mesh.faces)].astype(np.float64)
    return used @ matrix[:3, :3].T + matrix[:3, 3]


def anchor(
    vertices: NDArray[np.float64], centre: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """Return where the name of a further object stands: on top of it, near the main object.

    Parameters
    ----------
    vertices
        Of the object, (V, 3), in world coordinates.
    centre, radius
        Of a sphere around the main object.

    Returns
    -------
    array (3,)
        If the main object stands on or in this one, a place at the bottom, to the left in front.
    """
    low = np.clip(vertices.min(axis=0), centre - NEAR * radius, centre + NEAR * radius)
    high = np.clip(vertices.max(axis=0), centre - NEAR * radius, centre + NEAR * radius)
    beside = (low < centre)[[0, 2]] & (centre < high)[[0, 2]]
    if beside.all():
        left = max(low[0], centre[0] - BESIDE * radius)
        front = min(high[2], centre[2] + BESIDE * radius)
        return np.array([left, min(high[1], max(low[1], centre[1] - radius)), front])
    middle: NDArray[np.float64] = (low + high) / 2
    middle[1] = high[1]
    return middle

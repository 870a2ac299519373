"""The mesh of an object: triangles, joined vertices, and the side that is its front."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph

from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.geometry.orientation import turned_outward
from scenes.geometry.topology import place_of
from scenes.meshes.cleaning import joined_corners, once, with_area
from scenes.meshes.formats.polygons import Polygons, checked, triangulated

Floats = NDArray[np.float64]
Faces = NDArray[np.int64]

LEAST_SEEN = 1e-6  # solid angle, in units of the whole sphere, below which no side is seen


def triangles_of(polygons: Polygons) -> tuple[Faces, Faces]:
    """Return the triangles (T, 3) of polygons, as corners, and the vertices that they use."""
    triangles, _ = triangulated(checked(polygons))
    triangles, used, _ = with_area(polygons, triangles)
    return triangles, used


def mesh_of(polygons: Polygons, triangles: Faces) -> Mesh:
    """Return a mesh of 32-bit positions: vertices at the same position are joined."""
    vertices = polygons.vertices.astype(np.float32)
    triangles, _, _ = once(vertices, polygons, triangles)
    if not len(triangles):
        raise InputError("its faces are too small to be stored beside the searched object")
    vertices, faces, uvs, _ = joined_corners(vertices, polygons, triangles)
    return Mesh(vertices, faces.astype(np.int32), uvs)


def facing(mesh: Mesh, eyes: Floats) -> tuple[Mesh, int]:
    """Return a two-sided surface with its fronts toward the cameras, at `eyes` (N, 3).

    Connected parts are turned as wholes. The front of a closed part is its outside, or its inside
    if the cameras are inside it. The front of an open part is the side of which the cameras see
    more. The second value is the number of faces of open parts whose back sides, which are black,
    a camera may see; without cameras, of all faces of open parts, whose fronts stay.
    """
    vertices = mesh.vertices.astype(np.float64)
    turned = turned_outward(vertices, mesh.faces.astype(np.int64), open_parts=False)
    part = parts_of(vertices, turned.faces)
    toward, front_seen, back_seen = _seen_from(eyes, vertices[turned.faces])
    back = np.bincount(part, toward) > LEAST_SEEN  # parts of which the cameras see the back sides
    faces = np.where(back[part][:, None], turned.faces[:, ::-1], turned.faces)
    loose = (turned.edges.times[turned.edges.sides] != 2).reshape(-1, 3).any(axis=1)
    is_open = np.bincount(part, loose) > 0
    behind = np.where(back[part], front_seen, back_seen) | (len(eyes) == 0)
    black = int(np.count_nonzero(is_open[part] & behind))
    return Mesh(mesh.vertices, faces.astype(np.int32), mesh.uvs), black


def parts_of(vertices: Floats, faces: Faces) -> Faces:
    """Return the number of the connected part of each face (F,)."""
    corners = place_of(vertices)[faces]
    rows, columns = np.concatenate([corners[:, :2], corners[:, 1:]]).T
    size = (len(vertices),) * 2
    joins = sparse.coo_matrix((np.ones(len(rows)), (rows, columns)), shape=size)
    _, label = csgraph.connected_components(joins, directed=False)
    _, part = np.unique(label[corners[:, 0]], return_inverse=True)
    return part.reshape(-1)


def _seen_from(
    eyes: Floats, triangles: Floats
) -> tuple[Floats, NDArray[np.bool_], NDArray[np.bool_]]:
    """Return the solid angle (F,) of triangles from all eyes, and whose fronts and backs they see.

    The solid angle (van Oosterom & Strackee 1983) is in units of the whole sphere, and negative for
    fronts. Its sum over a closed surface is 1 for an eye inside and 0 for an eye outside. That
    one surface hides another is not considered.
    """
    total = np.zeros(len(triangles))
    front, back = (np.zeros(len(triangles), bool) for _ in range(2))
    for eye in eyes:
        a, b, c = np.moveaxis(triangles - eye, 1, 0)
        la, lb, lc = (np.linalg.norm(each, axis=1) for each in (a, b, c))
        volume = np.einsum("fd,fd->f", a, np.cross(b, c))
        below = (
            la * lb * lc
            + np.einsum("fd,fd->f", a, b) * lc
            + np.einsum("fd,fd->f", b, c) * la
            + np.einsum("fd,fd->f", c, a) * lb
        )
        angle = np.arctan2(volume, below) / (2 * np.pi)
        total += angle
        front |= angle < -LEAST_SEEN
        back |= angle > LEAST_SEEN
    return total, front, back

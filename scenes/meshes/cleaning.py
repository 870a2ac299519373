"""Clean the triangles of a mesh file: drop faces, join vertices, fit to the unit sphere."""

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.geometry.smallest_sphere import smallest_sphere
from scenes.geometry.topology import place_of
from scenes.meshes.formats.polygons import Polygons

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

LARGEST_ROUNDING = 1e-5  # error of 32-bit positions, relative to the size of the mesh
LARGEST = 1e30  # largest span of a mesh in the units of its file; the smallest is its inverse
LEAST_AREA = 1e-12  # of a triangle, relative to its longest side squared


def with_area(polygons: Polygons, triangles: Integers) -> tuple[Integers, Integers, int]:
    """Return the triangles (T, 3) of the surface, the vertices they use, and the number dropped.

    Triangles without an area are dropped, unless they close a gap.
    """
    vertices = polygons.corners[triangles]
    corners = polygons.vertices[vertices]
    check_span(polygons.vertices[np.unique(vertices)])
    sides = np.roll(corners, -1, axis=1) - corners
    twice = np.linalg.norm(np.cross(sides[:, 0], sides[:, 1]), axis=1)
    real = twice > LEAST_AREA * (sides**2).sum(axis=2).max(axis=1)
    if not real.any():
        raise InputError("all faces have no area; export a surface")
    used = np.unique(vertices[real])
    # A triangle without an area stays if it closes a gap between faces of different sizes.
    remaining = real | np.isin(vertices, used).all(axis=1)
    return triangles[remaining], used, int(np.count_nonzero(~remaining))


def check_span(vertices: Floats) -> tuple[float, float]:
    """Return the largest coordinate and the largest extent; raise if they are out of range."""
    if not vertices.any():
        raise InputError(
            f"all {len(vertices)} vertices are zero (a compressed file that was not decoded looks "
            "like this); export the mesh without compression"
        )
    farthest = float(np.abs(vertices).max())
    size = float(np.ptp(vertices, axis=0).max()) if farthest < LARGEST else np.inf
    if size == 0:
        raise InputError("all vertices are at one position; export a surface")
    if not 1 / LARGEST < size < LARGEST:
        raise InputError(
            f"its vertices are up to {farthest:.3g} from the origin and span {size:.3g}; allowed: "
            f"{1 / LARGEST:g} to {LARGEST:g}: export it in another unit"
        )
    return farthest, size


def placed(vertices: Floats, used: Integers, fit: bool) -> Floats:
    """Return vertices, fitted to the unit sphere if `fit`; raise if 32 bits would distort them."""
    farthest, size = check_span(vertices[used])
    if fit:
        centre, radius = smallest_sphere(vertices[used])
        return (vertices - centre) / radius
    if np.spacing(np.float32(farthest)) / 2 > LARGEST_ROUNDING * size:
        raise InputError(
            f"its vertices are up to {farthest:.6g} from the origin and span {size:.6g}, which "
            "32-bit positions cannot hold; set fit: true, or move the mesh to the origin"
        )
    return vertices


def once(
    vertices: NDArray[np.float32], polygons: Polygons, triangles: Integers
) -> tuple[Integers, int, int]:
    """Return triangles with three different positions, each once, and how many were dropped.

    The numbers are of those with equal positions, and of repeated ones.
    """
    # A face with the opposite orientation is repeated too: which one is visible would be undefined.
    corners = place_of(vertices)[polygons.corners[triangles]]
    a, b, c = corners.T
    whole = (a != b) & (b != c) & (a != c)
    _, first = np.unique(np.sort(corners[whole], axis=1), axis=0, return_index=True)
    flattened = int(np.count_nonzero(~whole))
    return triangles[whole][np.sort(first)], flattened, int(whole.sum()) - len(first)


def joined_corners(
    vertices: NDArray[np.float32], polygons: Polygons, triangles: Integers
) -> tuple[NDArray[np.float32], Integers, NDArray[np.float32] | None, int]:
    """Return vertices, faces and texture coordinates, with vertices joined by position.

    The last value is the number of vertices that were joined with others.
    """
    corners = triangles.reshape(-1)
    of_vertex = polygons.corners[corners]
    place = place_of(vertices)[of_vertex]
    uvs, key = None, place
    if polygons.uvs is not None:
        uvs = polygons.uvs[corners].astype(np.float32)
        key = place * len(corners) + place_of(uvs)
    _, first, number = np.unique(key, return_index=True, return_inverse=True)
    order = np.lexsort((first, of_vertex[first]))
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    chosen = first[order]
    joined = len(np.unique(of_vertex)) - len(np.unique(place)) if uvs is None else 0
    return (
        vertices[of_vertex[chosen]],
        rank[number.reshape(-1)].reshape(-1, 3),
        None if uvs is None else uvs[chosen],
        joined,
    )

"""What a mesh file holds before it becomes triangles: polygons in double precision."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import manifold3d
import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

# A polygon is flat where no corner is farther from its plane than this share of its size.
FLATNESS = 1e-4


@dataclass(frozen=True, eq=False)
class Polygons:
    """Polygons as a file stores them.

    Parameters
    ----------
    vertices : (V, 3) float64
        Positions in the units of the file, after all transforms that the file names.
    corners : (C,) int64
        Vertex of each corner, one polygon after the other, counter-clockwise seen from outside.
    sizes : (F,) int64
        Number of corners of each polygon; they sum to C.
    uvs : (C, 2) float64 or None
        Texture coordinates of the corners; v counts from the top row of a texture.
    left_out
        What the file holds and a mesh does not keep, such as ``"vertex colours"``.
    """

    vertices: Floats
    corners: Integers
    sizes: Integers
    uvs: Floats | None = None
    left_out: tuple[str, ...] = ()

    @cached_property
    def starts(self) -> Integers:
        """Place of each polygon's first corner (F,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64)

    @property
    def owner(self) -> Integers:
        """Polygon of each corner (C,)."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def polygons_of(
    vertices: Floats,
    faces: Sequence[Sequence[int]] | NDArray[np.integer],
    uvs: Floats | None = None,
    left_out: Sequence[str] = (),
) -> Polygons:
    """Make `Polygons` of a list of polygons, each a list of vertex indices."""
    if isinstance(faces, np.ndarray):
        sizes = np.full(len(faces), faces.shape[1], np.int64)
        corners = faces.astype(np.int64).reshape(-1)
    else:
        sizes = np.array([len(face) for face in faces], np.int64)
        corners = np.array([index for face in faces for index in face], np.int64)
    return Polygons(np.asarray(vertices, np.float64), corners, sizes, uvs, tuple(left_out))


def checked(polygons: Polygons) -> Polygons:
    """Return the polygons unchanged.

    Raises
    ------
    InputError
        There is no polygon, a number is not finite, or a polygon names a vertex that does not
        exist.
    """
    vertices, corners = polygons.vertices, polygons.corners
    if not (polygons.sizes >= 3).any():
        raise InputError("holds no triangles; export a surface")
    wrong = np.flatnonzero((corners < 0) | (corners >= len(vertices)))
    if len(wrong):
        face = int(polygons.owner[wrong[0]])
        raise InputError(
            f"face {face + 1} names vertex {corners[wrong[0]]}, counted from 0, but there are "
            f"{len(vertices)} vertices; the file is damaged: export it again"
        )
    # Scans on a grid hold vertices that are not finite, where nothing was measured.
    used = vertices[np.unique(corners)]
    for what, values in (("vertex coordinates", used), ("texture coordinates", polygons.uvs)):
        if values is not None and not np.isfinite(values).all():
            count = int(np.count_nonzero(~np.isfinite(values)))
            raise InputError(f"{count} of {values.size} {what} are not finite numbers")
    return polygons


def triangulated(polygons: Polygons) -> tuple[Integers, list[str]]:
    """Split polygons into triangles that keep every corner and every edge.

    A quad is split along its shorter diagonal that lies inside it (along the first in a tie); a
    larger polygon by ear clipping in its mean plane, whose normal is Newell's. So a concave
    polygon keeps its outline, and neighbours still share whole edges.

    Parameters
    ----------
    polygons
        Checked. Polygons of fewer than three corners are left out.

    Returns
    -------
    triangles : (T, 3)
        Places in ``polygons.corners``.
    notes
        What a user should know: how many polygons are not flat.
    """
    parts = [_triangles(polygons)]
    quads, uneven = _quads(polygons)
    parts.append(quads)
    for polygon in np.flatnonzero(polygons.sizes > 4):
        start, size = polygons.starts[polygon], polygons.sizes[polygon]
        places, flat = _larger(polygons.vertices[polygons.corners[start : start + size]])
        parts.append(start + places)
        uneven += not flat
    triangles = np.concatenate(parts)
    order = np.argsort(polygons.owner[triangles[:, 0]], kind="stable")
    many = "1 polygon is" if uneven == 1 else f"{uneven} polygons are"
    notes = [f"{many} not flat, and split into triangles"] if uneven else []
    return triangles[order], notes


def _triangles(polygons: Polygons) -> Integers:
    starts = polygons.starts[polygons.sizes == 3]
    return starts[:, None] + np.arange(3)


def _quads(polygons: Polygons) -> tuple[Integers, int]:
    """Triangles of the quads, and how many quads are not flat."""
    starts = polygons.starts[polygons.sizes == 4]
    if not len(starts):
        return np.zeros((0, 3), np.int64), 0
    points = polygons.vertices[polygons.corners[starts[:, None] + np.arange(4)]]
    normal = np.cross(points[:, 2] - points[:, 0], points[:, 3] - points[:, 1])
    splits = np.array([[[0, 1, 2], [0, 2, 3]], [[0, 1, 3], [1, 2, 3]]])
    smallest, lengths = [], []
    for split, (one, other) in zip(splits, ((0, 2), (1, 3)), strict=True):
        corners = points[:, split]
        across = np.cross(corners[:, :, 1] - corners[:, :, 0], corners[:, :, 2] - corners[:, :, 0])
        smallest.append(np.einsum("qtd,qd->qt", across, normal).min(axis=1))
        lengths.append(np.linalg.norm(points[:, one] - points[:, other], axis=1))
    # Where one diagonal lies outside, one of its triangles is turned against the quad.
    inside = [each > 0 for each in smallest]
    shorter = lengths[1] < lengths[0] * (1 - 1e-9)
    second = np.where(inside[0] == inside[1], shorter, inside[1])
    size = np.maximum(*lengths)
    length = np.linalg.norm(normal, axis=1)
    height = np.abs(np.einsum("qd,qd->q", points[:, 1] - points[:, 0], normal))
    uneven = height > FLATNESS * size * length
    chosen = splits[second.astype(int)]
    return (starts[:, None, None] + chosen).reshape(-1, 3), int(np.count_nonzero(uneven))


def _larger(points: Floats) -> tuple[Integers, bool]:
    """Triangles (n − 2, 3) of one polygon, and whether it is flat."""
    centred = points - points.mean(axis=0)
    size = float(np.abs(centred).max())
    normal = np.cross(centred, np.roll(centred, -1, axis=0)).sum(axis=0)
    length = float(np.linalg.norm(normal))
    if size == 0 or length <= 1e-14 * size**2:
        steps = np.arange(1, len(points) - 1)
        return np.column_stack([np.zeros_like(steps), steps, steps + 1]), True
    normal /= length
    side = np.eye(3)[np.argmin(np.abs(normal))]
    right = np.cross(side, normal)
    right /= np.linalg.norm(right)
    plane = centred @ np.column_stack([right, np.cross(normal, right)]) / size
    flat = bool(np.abs(centred @ normal).max() <= FLATNESS * size)
    return np.asarray(manifold3d.triangulate([plane]), np.int64).reshape(-1, 3), flat

"""Polygons of a mesh file in double precision, and their triangles."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import manifold3d
import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.base.errors import InputError

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

FLATNESS = 1e-4  # largest distance of a flat polygon's corners from its plane, relative to its size


@dataclass(frozen=True, eq=False)
class Polygons:
    """Polygons as a file stores them."""

    vertices: Floats  # (V, 3) in the units of the file, after all transforms of the file
    corners: Integers  # (C,) vertex of each corner, counter-clockwise from outside
    sizes: Integers  # (F,) number of corners of each polygon; they sum to C
    uvs: Floats | None = None  # (C, 2) of the corners; v counts from the top row of a texture
    left_out: tuple[str, ...] = ()  # what a mesh cannot store, such as "vertex colours"

    @cached_property
    def starts(self) -> Integers:
        """Index of each polygon's first corner (F,)."""
        return np.concatenate([[0], np.cumsum(self.sizes)[:-1]]).astype(np.int64)

    @property
    def owner(self) -> Integers:
        """Index of each corner's polygon (C,)."""
        return np.repeat(np.arange(len(self.sizes)), self.sizes)


def flattened(lists: Sequence[ArrayLike] | NDArray[Any]) -> tuple[Integers, Integers]:
    """Return the integers of all lists in one array, and the length of each list."""
    if isinstance(lists, np.ndarray):
        return lists.reshape(-1).astype(np.int64), np.full(len(lists), lists.shape[1], np.int64)
    sizes = np.array([len(np.atleast_1d(each)) for each in lists], np.int64)
    return np.concatenate([*lists, []]).astype(np.int64), sizes


def from_top(uvs: Floats) -> Floats:
    """Return texture coordinates (N, 2) with v from the top, given v from the bottom."""
    return uvs * [1, -1] + [0, 1]


def strip_triangles(strip: Sequence[int] | NDArray[np.integer]) -> Integers:
    """Return the triangles (T, 3) of a strip of vertices; −1 begins a new strip."""
    whole = np.asarray(strip, np.int64)
    pieces = np.split(whole, np.flatnonzero(whole == -1))
    parts = []
    for piece in pieces:
        corners = piece[piece != -1]
        if len(corners) < 3:
            continue
        # Every second triangle has the opposite order; those without an area only join strips.
        triangles = np.column_stack([corners[:-2], corners[1:-1], corners[2:]])
        triangles[1::2] = triangles[1::2, [1, 0, 2]]
        a, b, c = triangles.T
        parts.append(triangles[(a != b) & (b != c) & (a != c)])
    return np.concatenate(parts) if parts else np.zeros((0, 3), np.int64)


def fan_triangles(fan: Sequence[int] | NDArray[np.integer]) -> Integers:
    """Return the triangles (T, 3) of a fan: all share its first vertex."""
    corners = np.asarray(fan, np.int64)
    first = np.full(max(len(corners) - 2, 0), corners[0] if len(corners) else 0)
    return np.column_stack([first, corners[1:-1], corners[2:]]).reshape(-1, 3)


def checked(polygons: Polygons) -> Polygons:
    """Return the polygons; raise if there are none, or a number or index is not valid."""
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
    # Scans on a grid have vertices that are not finite where nothing was measured.
    used = vertices[np.unique(corners)]
    for what, values in (("vertex coordinates", used), ("texture coordinates", polygons.uvs)):
        if values is not None and not np.isfinite(values).all():
            count = int(np.count_nonzero(~np.isfinite(values)))
            raise InputError(f"{count} of {values.size} {what} are not finite numbers")
    return polygons


def triangulated(polygons: Polygons) -> tuple[Integers, list[str]]:
    """Return triangles (T, 3) of indices into ``polygons.corners``, and notes for the user.

    No corner or edge is lost. A quad is split along the shorter diagonal that is inside it (the
    first in a tie); a larger polygon by ear clipping in its mean plane, with Newell's normal.
    Polygons with fewer than three corners are left out.
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
    """Return the polygons that are triangles."""
    starts = polygons.starts[polygons.sizes == 3]
    return starts[:, None] + np.arange(3)


def _quads(polygons: Polygons) -> tuple[Integers, int]:
    """Return the triangles of the quads, and the number of quads that are not flat."""
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
    # If a diagonal is outside the quad, one of its triangles has the opposite orientation.
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
    """Return the triangles (n − 2, 3) of one polygon, and whether it is flat."""
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

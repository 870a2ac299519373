"""Edges and neighbouring faces of a mesh.

Vertices at the same position count as one: files repeat vertices along seams of texture coordinates
and along hard edges.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh

Integers = NDArray[np.int64]


def place_of(vertices: NDArray[np.floating]) -> Integers:
    """Return, for each vertex (V,), the first vertex at the same position."""
    # Sorted by position, then by index.
    order = np.lexsort((np.arange(len(vertices)), *vertices.T))
    new = np.ones(len(order), bool)
    new[1:] = (vertices[order[1:]] != vertices[order[:-1]]).any(axis=1)
    place = np.empty(len(order), np.int64)
    place[order] = order[np.flatnonzero(new)[np.cumsum(new) - 1]]
    return place


def joined(mesh: Mesh) -> tuple[Mesh, Integers]:
    """Return the surface with one vertex per position, and each old vertex's new number (V,)."""
    place = place_of(mesh.vertices)
    first, number = np.unique(place, return_inverse=True)
    number = number.reshape(-1)
    if len(first) == len(place):
        return mesh, number
    return Mesh(mesh.vertices[first], number[mesh.faces].astype(np.int32)), number


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a mesh; an edge has two positions."""

    sides: Integers  # (3 F,) number of each side's edge; side 3 f + k follows corner k of face f
    forward: NDArray[np.bool_]  # (3 F,) whether the side has the direction of its edge
    times: Integers  # (E,) number of faces of each edge

    @property
    def of_one(self) -> int:
        """Number of edges of one face: the border of an open surface."""
        return int(np.count_nonzero(self.times == 1))

    @property
    def of_more(self) -> int:
        """Number of edges of more than two faces."""
        return int(np.count_nonzero(self.times > 2))

    def pairs(self) -> tuple[Integers, Integers]:
        """Return the two sides, (P,) each, of every edge that belongs to two faces."""
        order = np.argsort(self.sides, kind="stable")
        starts = np.concatenate([[0], np.cumsum(self.times)[:-1]])[self.times == 2]
        return order[starts], order[starts + 1]


def edges_of(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> Edges:
    """Return the edges of a mesh; each face must have three different positions."""
    corners = place_of(vertices)[faces]
    start, end = corners.reshape(-1), np.roll(corners, -1, axis=1).reshape(-1)
    keys = np.minimum(start, end) * len(vertices) + np.maximum(start, end)
    _, sides, times = np.unique(keys, return_inverse=True, return_counts=True)
    return Edges(sides.reshape(-1).astype(np.int64), start < end, times)


def hard_edges(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], edges: Edges, angle: float = 60
) -> int:
    """Return the number of edges at which two faces meet at more than an angle, in degrees."""
    corners = vertices[faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    one, other = edges.pairs()
    first, second = one // 3, other // 3
    cosine = np.einsum("pd,pd->p", normals[first], normals[second])
    sharp = cosine < np.cos(np.radians(angle)) * lengths[first] * lengths[second]
    return int(np.count_nonzero(sharp & (lengths[first] > 0) & (lengths[second] > 0)))


def manifold_problem(mesh: Mesh) -> str | None:
    """Return why a mesh cannot start a shape search; None if it is closed and consistent."""
    edges = edges_of(mesh.vertices, mesh.faces)
    count, wrong = len(edges.times), edges.of_one + edges.of_more
    if wrong:
        return (
            f"{wrong} of {count} edges do not belong to exactly two faces "
            f"({edges.of_one} to one, {edges.of_more} to more); use a closed surface, such as "
            "a sphere"
        )
    one, other = edges.pairs()
    repeated = int(np.count_nonzero(edges.forward[one] == edges.forward[other]))
    if repeated:
        return (
            f"{repeated} of {count} edges are between faces of opposite orientation; "
            "turn all faces counter-clockwise seen from outside"
        )
    return None

"""Which faces are neighbours: judged by the places of vertices, not by their numbers.

Files double vertices along seams of texture coordinates and along hard edges. The surface is as
closed as its places say.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh

Integers = NDArray[np.int64]


def place_of(vertices: NDArray[np.floating]) -> Integers:
    """Return, for each vertex (V,), the first vertex at the same place."""
    # Sorted by place, then by number: the first of equal ones comes first.
    order = np.lexsort((np.arange(len(vertices)), *vertices.T))
    new = np.ones(len(order), bool)
    new[1:] = (vertices[order[1:]] != vertices[order[:-1]]).any(axis=1)
    place = np.empty(len(order), np.int64)
    place[order] = order[np.flatnonzero(new)[np.cumsum(new) - 1]]
    return place


def joined(mesh: Mesh) -> tuple[Mesh, Integers]:
    """Return the same surface with one vertex a place, and the new vertex of each old one (V,).

    A mesh that is so already comes back unchanged. From another one texture coordinates are left
    out. Faces keep their order and the remaining vertices theirs.
    """
    place = place_of(mesh.vertices)
    kept, number = np.unique(place, return_inverse=True)
    number = number.reshape(-1)
    if len(kept) == len(place):
        return mesh, number
    return Mesh(mesh.vertices[kept], number[mesh.faces].astype(np.int32)), number


@dataclass(frozen=True, eq=False)
class Edges:
    """The edges of a mesh, by place.

    Parameters
    ----------
    sides : (S,) int64
        Edge of each side of a face; side k of face f is ``sides[3 * f + k]``, from corner k to
        the next.
    forward : (S,) bool
        Whether the side runs along its edge, or against it.
    times : (E,) int64
        How many faces an edge belongs to.
    """

    sides: Integers
    forward: NDArray[np.bool_]
    times: Integers

    @property
    def of_one(self) -> int:
        """Number of edges of one face: the border of an open surface."""
        return int(np.count_nonzero(self.times == 1))

    @property
    def of_more(self) -> int:
        """Number of edges of more than two faces."""
        return int(np.count_nonzero(self.times > 2))

    def pairs(self) -> tuple[Integers, Integers]:
        """Return the two sides (P,), (P,) of every edge of two faces."""
        order = np.argsort(self.sides, kind="stable")
        starts = np.concatenate([[0], np.cumsum(self.times)[:-1]])[self.times == 2]
        return order[starts], order[starts + 1]


def edges_of(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> Edges:
    """Return the edges of a mesh by place; each face has three places."""
    corners = place_of(vertices)[faces]
    start, end = corners.reshape(-1), np.roll(corners, -1, axis=1).reshape(-1)
    keys = np.minimum(start, end) * len(vertices) + np.maximum(start, end)
    _, sides, times = np.unique(keys, return_inverse=True, return_counts=True)
    return Edges(sides.reshape(-1).astype(np.int64), start < end, times)


def hard_edges(
    vertices: NDArray[np.floating], faces: NDArray[np.integer], edges: Edges, angle: float = 60
) -> int:
    """Count the edges at which two faces turn by more than an angle, in degrees."""
    corners = vertices[faces].astype(np.float64)
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    lengths = np.linalg.norm(normals, axis=1)
    one, other = edges.pairs()
    first, second = one // 3, other // 3
    cosine = np.einsum("pd,pd->p", normals[first], normals[second])
    sharp = cosine < np.cos(np.radians(angle)) * lengths[first] * lengths[second]
    return int(np.count_nonzero(sharp & (lengths[first] > 0) & (lengths[second] > 0)))


def manifold_problem(mesh: Mesh) -> str | None:
    """Say why a mesh cannot be the start of a shape search.

    Parameters
    ----------
    mesh
        Any mesh. Vertices at one place count as one.

    Returns
    -------
    str or None
        The reason, with counts: edges that do not belong to exactly two faces, or neighbouring
        faces turned against each other. None for a closed, consistently turned surface.
    """
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
            f"{repeated} of {count} edges lie between faces turned against each other; "
            "turn all faces counter-clockwise seen from outside"
        )
    return None

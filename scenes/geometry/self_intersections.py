"""Faces of a surface that pass through other faces of it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh
from scenes.geometry.topology import edges_of, place_of

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

PAIRS = 2_000_000  # pairs of edges and faces that are compared at a time


def self_intersecting(mesh: Mesh) -> NDArray[np.bool_]:
    """Return, for each face (F,), whether it intersects a face with which it shares no edge.

    Two faces intersect if an edge of one crosses the other, and edge and face share no vertex.
    Faces that touch, or lie flat on one another, do not count.
    """
    vertices = mesh.vertices.astype(np.float64)
    corners = place_of(vertices)[mesh.faces]
    edges = edges_of(vertices, mesh.faces)
    sides = np.stack([corners, np.roll(corners, -1, axis=1)], axis=2).reshape(-1, 2)
    _, first = np.unique(edges.sides, return_index=True)
    ends = sides[first]  # (E, 2) vertices of each edge
    face_crossed, edge_crosses = np.zeros(len(corners), bool), np.zeros(len(ends), bool)
    for edge, face in _close_pairs(vertices[ends], vertices[corners]):
        apart = (ends[edge][:, :, None] != corners[face][:, None, :]).all(axis=(1, 2))
        edge, face = edge[apart], face[apart]
        hit = _crosses(vertices[ends[edge]], vertices[corners[face]])
        edge_crosses[edge[hit]] = True
        face_crossed[face[hit]] = True
    return face_crossed | edge_crosses[edges.sides].reshape(-1, 3).any(axis=1)


def _close_pairs(edges: Floats, faces: Floats) -> Iterator[tuple[Integers, Integers]]:
    """Yield the pairs of edges (E, 2, 3) and faces (F, 3, 3) whose bounding boxes meet."""
    axis = int(np.ptp(faces.reshape(-1, 3), axis=0).argmax())
    order = np.argsort(edges[:, :, axis].min(axis=1), kind="stable")
    edge_low, edge_high = edges[order].min(axis=1), edges[order].max(axis=1)
    face_low, face_high = faces.min(axis=1), faces.max(axis=1)
    # Sorted by their lower end, the edges that can meet a face are neighbours.
    longest = (edge_high - edge_low)[:, axis].max()
    begin = np.searchsorted(edge_low[:, axis], face_low[:, axis] - longest)
    counts = np.searchsorted(edge_low[:, axis], face_high[:, axis], "right") - begin
    for chunk in np.split(np.arange(len(faces)), _chunk_bounds(counts)):
        count = counts[chunk]
        face = np.repeat(chunk, count)
        nth = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        edge = begin[face] + nth
        for k in range(3):
            meet = (edge_low[edge, k] <= face_high[face, k]) & (
                face_low[face, k] <= edge_high[edge, k]
            )
            edge, face = edge[meet], face[meet]
        yield order[edge], face


def _chunk_bounds(counts: Integers) -> Integers:
    """Return where to split faces so that each chunk has about `PAIRS` pairs."""
    return np.flatnonzero(np.diff(np.cumsum(counts) // PAIRS)) + 1


def _crosses(edges: Floats, faces: Floats) -> NDArray[np.bool_]:
    """Return whether each edge (P, 2, 3) crosses the face (P, 3, 3) of the same row."""
    start, end = edges[:, 0], edges[:, 1]
    a, b, c = (faces[:, k] for k in range(3))
    splits = (_volume(a, b, c, start) > 0) != (_volume(a, b, c, end) > 0)
    around = [_volume(start, end, *pair) > 0 for pair in ((a, b), (b, c), (c, a))]
    return splits & (around[0] == around[1]) & (around[1] == around[2])


def _volume(a: Floats, b: Floats, c: Floats, d: Floats) -> Floats:
    """Return six times the signed volume (P,) of tetrahedra: the side of abc on which d lies."""
    return np.einsum("pd,pd->p", np.cross(b - a, c - a), d - a)

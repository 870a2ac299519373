"""Shading normals of a mesh."""

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh
from scenes.geometry.topology import place_of


def vertex_normals(mesh: Mesh) -> NDArray[np.float32]:
    """Return smooth shading normals (V, 3): mean normals of the faces, weighted by their angles.

    Vertices at the same position share a normal, so that seams of texture coordinates are not
    visible. A vertex whose faces have no area gets +y. Angle weights: Thürmer & Wüthrich (1998).
    """
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    ahead = np.roll(corners, -1, axis=1) - corners
    behind = np.roll(corners, 1, axis=1) - corners
    cross = np.cross(ahead, behind)
    angles = np.arctan2(np.linalg.norm(cross, axis=2), (ahead * behind).sum(axis=2))
    weighted = angles[:, :, None] * _normalised(cross[:, 0])[:, None, :]
    place = place_of(mesh.vertices)
    sums = np.zeros((len(place), 3))
    np.add.at(sums, place[mesh.faces].ravel(), weighted.reshape(-1, 3))
    normals = _normalised(sums)
    normals[~normals.any(axis=1)] = (0.0, 1.0, 0.0)
    return normals[place].astype(np.float32)


def _normalised(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return vectors with length 1; zero vectors stay zero."""
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)

"""Shading normals of a mesh."""

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh


def vertex_normals(mesh: Mesh) -> NDArray[np.float32]:
    """Compute smooth shading normals: mean of the faces' normals, weighted by angle.

    Vertices at the same place count as one, so that a cut for texture coordinates does not show.
    Angle weights: Thürmer & Wüthrich (1998).

    Parameters
    ----------
    mesh
        Any mesh.

    Returns
    -------
    (V, 3) float32
        Unit vectors; +y where a vertex belongs to no face with an area.
    """
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    ahead = np.roll(corners, -1, axis=1) - corners
    behind = np.roll(corners, 1, axis=1) - corners
    cross = np.cross(ahead, behind)
    angles = np.arctan2(np.linalg.norm(cross, axis=2), (ahead * behind).sum(axis=2))
    weighted = angles[:, :, None] * _normalised(cross[:, 0])[:, None, :]
    # Adding 0 turns −0 into 0, which is the same place.
    places, place = np.unique(mesh.vertices + np.float32(0), axis=0, return_inverse=True)
    sums = np.zeros((len(places), 3))
    np.add.at(sums, place.reshape(-1)[mesh.faces].ravel(), weighted.reshape(-1, 3))
    normals = _normalised(sums)
    normals[~normals.any(axis=1)] = (0.0, 1.0, 0.0)
    return normals[place.reshape(-1)].astype(np.float32)


def _normalised(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return vectors / np.where(lengths > 0, lengths, 1)

"""Smooth modes of a surface: the lowest eigenvectors of its Laplacian that are not constant."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse import csgraph
from scipy.sparse.linalg import eigsh

from scenes.arrays import Mesh
from scenes.geometry.areas import face_areas, vertex_areas

Array = NDArray[np.float64]


def smooth_modes(mesh: Mesh, count: int) -> Array:
    """Lowest non-constant modes of a mesh.

    Parameters
    ----------
    mesh
        Without doubled vertices.
    count
        Number of modes, below the number of vertices.

    Returns
    -------
    ndarray
        (count, V), smoothest first; of root mean square 1 over the surface's area, the largest
        entry positive. Modes of one eigenvalue (of a sphere, say) are any basis of their space.

    Notes
    -----
    The generalised problem L u = λ M u with the cotangent Laplacian L and lumped areas M (Vallet &
    Lévy 2008, Spectral Geometry Processing with Manifold Harmonics).
    """
    if count == 0:
        return np.zeros((0, len(mesh.vertices)))
    stiffness, areas = laplacian(mesh)
    constants, _ = csgraph.connected_components(stiffness)
    root = sparse.diags(1 / np.sqrt(areas))
    # A shift below 0 makes the matrix regular; the start vector makes the answer the same each time
    shift = -1e-3 * float((stiffness.diagonal() / areas).mean())
    start = np.random.default_rng(0).standard_normal(len(areas))
    values, vectors = eigsh(
        root @ stiffness @ root, k=count + constants, sigma=shift, which="LM", v0=start
    )
    order = np.argsort(values)[constants:]
    modes = (vectors[:, order] / np.sqrt(areas)[:, None]).T * np.sqrt(areas.sum())
    largest = np.abs(modes).argmax(axis=1)
    return np.asarray(modes * np.sign(modes[np.arange(count), largest])[:, None])


def laplacian(mesh: Mesh) -> tuple[sparse.csc_matrix, Array]:
    """Cotangent Laplacian (V, V), positive semidefinite, and the area (V,) of each vertex."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    number = len(mesh.vertices)
    weights = sparse.csc_matrix((number, number))
    twice = 2 * face_areas(mesh)
    for at in range(3):
        one, two = (at + 1) % 3, (at + 2) % 3
        a, b = corners[:, one] - corners[:, at], corners[:, two] - corners[:, at]
        cotangent = np.einsum("fi,fi->f", a, b) / np.maximum(twice, 1e-12) / 2
        rows, columns = mesh.faces[:, one], mesh.faces[:, two]
        half = sparse.csc_matrix((cotangent, (rows, columns)), shape=(number, number))
        weights = weights + half + half.T
    areas = vertex_areas(mesh)
    degrees = sparse.diags(np.asarray(weights.sum(axis=1)).ravel())
    return (degrees - weights).tocsc(), np.maximum(areas, 1e-12 * areas.sum())

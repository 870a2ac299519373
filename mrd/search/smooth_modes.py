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

LEAST_AREA = 1e-12  # of a face, in mean face areas; the angles of smaller faces are undefined


def smooth_modes(mesh: Mesh, count: int) -> Array:
    """Return the lowest `count` non-constant modes (count, V), smoothest first.

    The mesh has no doubled vertices; if it has too few vertices, there are fewer modes. Each mode
    has a root mean square of 1 over the surface's area, and its largest entry is positive. Modes
    that share an eigenvalue, as on a sphere, are an arbitrary basis of their space.

    Modes u solve L u = λ M u with the cotangent Laplacian L and lumped areas M (Vallet & Lévy 2008,
    Spectral Geometry Processing with Manifold Harmonics).
    """
    stiffness, areas = laplacian(mesh)
    constants, _ = csgraph.connected_components(stiffness)
    count = min(count, len(areas) - constants - 1)
    if count <= 0:
        return np.zeros((0, len(areas)))
    root = sparse.diags(1 / np.sqrt(areas))
    # A shift below 0 makes the matrix invertible; a fixed start vector makes the result repeatable.
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
    """Return the cotangent Laplacian (V, V), positive semidefinite, and the vertex areas (V,)."""
    import gpytoolbox  # the import takes seconds, and most searches do not need it

    areas, of_faces = vertex_areas(mesh), face_areas(mesh)
    faces = mesh.faces[of_faces > LEAST_AREA * of_faces.mean()]
    stiffness = gpytoolbox.cotangent_laplacian(mesh.vertices.astype(np.float64), faces)
    return stiffness.tocsc(), np.maximum(areas, LEAST_AREA * areas.sum())

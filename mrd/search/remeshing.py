"""Remeshing of a searched shape, into triangles of one size."""

from __future__ import annotations

import numpy as np

from scenes.arrays import Mesh
from scenes.geometry.topology import manifold_problem

ITERATIONS = 10


def mean_edge(mesh: Mesh) -> float:
    """Return the mean length of the edges, scene units."""
    corners = mesh.vertices[mesh.faces].astype(np.float64)
    return float(np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).mean())


def remeshed(mesh: Mesh, edge: float) -> tuple[Mesh, str | None]:
    """Return the surface with new triangles of edge length `edge`, scene units, and None.

    If the new mesh is not closed and manifold, return the old mesh and the reason as text. The
    method is that of Botsch & Kobbelt (2004), implemented in gpytoolbox.
    """
    import gpytoolbox  # the import takes seconds, and most searches do not need it

    vertices, faces = gpytoolbox.remesh_botsch(
        mesh.vertices.astype(np.float64), mesh.faces.astype(np.int32), ITERATIONS, edge, True
    )
    if not len(faces) or not np.isfinite(vertices).all():
        return mesh, "the new surface is empty"
    try:
        new = Mesh(vertices.astype(np.float32), faces.astype(np.int32), None)
    except ValueError as error:
        return mesh, str(error)
    problem = manifold_problem(new)
    return (mesh, problem) if problem else (new, None)

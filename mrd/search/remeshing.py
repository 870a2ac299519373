"""Remeshing of a searched shape: when, and into triangles of which size."""

from __future__ import annotations

import numpy as np

from mrd.study.search_section import SearchConfig
from mrd.study.shape_section import AUTO
from scenes.arrays import Mesh
from scenes.geometry.topology import manifold_problem

ITERATIONS = 10

# Remeshing "auto": the shares of the steps where it begins and ends, the interval, and the edge
# length in largest distances of a vertex of the target from the origin. The learning rate falls at
# each remeshing (benchmarks/README.md).
AUTO_BEGIN, AUTO_END, AUTO_INTERVAL = 2 / 30, 0.7, 1 / 30
LEAST_INTERVAL = 20  # steps
AUTO_EDGE = 0.04
AUTO_RATE = 0.95


def remeshing_edges(config: SearchConfig, start: Mesh, extent: float) -> dict[int, float]:
    """Return the step after which each remeshing happens → its edge length, in scene units.

    `extent` is the largest distance of a vertex of the target from the origin.
    """
    if config.remeshing is None:
        return {}
    if config.remeshing != AUTO:
        return dict.fromkeys(config.remeshing.at, config.remeshing.edge * mean_edge(start))
    interval = max(LEAST_INTERVAL, round(AUTO_INTERVAL * config.steps))
    begin = max(2 * interval, round(AUTO_BEGIN * config.steps))
    at = range(begin, round(AUTO_END * config.steps) + 1, interval)
    return dict.fromkeys(at, AUTO_EDGE * extent)


def rate_factor(config: SearchConfig, times: int) -> float:
    """Return the factor on the learning rate of the shape after a number of remeshings."""
    if config.remeshing is None:
        return 1.0
    return float((AUTO_RATE if config.remeshing == AUTO else config.remeshing.rate) ** times)


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

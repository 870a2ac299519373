"""Where straight lines between two points meet triangles."""

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh

Array = NDArray[np.float64]

PAIRS = 4_000_000  # pairs of segments and triangles that are compared at a time
# An odd direction, so that a ray seldom meets an edge of a triangle.
ODD = np.array([0.5377, 0.7123, 0.4509])


def crossed(starts: Array, ends: Array, triangles: Array) -> NDArray[np.int64]:
    """Return how many triangles (F, 3, 3) each segment (N, 3), (N, 3) passes through, (N,).

    Triangles that only touch an end of a segment do not count (Möller & Trumbore 1997).
    """
    counts = np.zeros(len(starts), dtype=np.int64)
    chunk = max(PAIRS // max(len(starts), 1), 1)
    for first in range(0, len(triangles), chunk):
        counts += _crossed(starts, ends - starts, triangles[first : first + chunk]).sum(axis=1)
    return counts


def _crossed(starts: Array, along: Array, triangles: Array) -> NDArray[np.bool_]:
    """Return whether each segment passes through each triangle, (N, F)."""
    corner = triangles[:, 0]
    one, two = triangles[:, 1] - corner, triangles[:, 2] - corner
    across = np.cross(along[:, None], two[None])
    volume = np.einsum("nfd,fd->nf", across, one)
    inverse = np.divide(1.0, volume, out=np.full_like(volume, np.nan), where=volume != 0)
    offset = starts[:, None] - corner[None]
    u = np.einsum("nfd,nfd->nf", offset, across) * inverse
    turned = np.cross(offset, one[None])
    v = np.einsum("nfd,nd->nf", turned, along) * inverse
    t = np.einsum("nfd,fd->nf", turned, two) * inverse
    with np.errstate(invalid="ignore"):
        return (u >= 0) & (v >= 0) & (u + v <= 1) & (t > 1e-6) & (t < 1 - 1e-6)


def is_inside(points: Array, mesh: Mesh) -> NDArray[np.bool_]:
    """Return whether each point (N, 3) is inside a closed mesh."""
    triangles = mesh.vertices.astype(np.float64)[mesh.faces]
    low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
    near = ((points >= low) & (points <= high)).all(axis=1)
    inside = np.zeros(len(points), bool)
    # Twice the diagonal is far enough, and so short that the ends of `crossed` do not matter.
    ends = points[near] + 2 * np.linalg.norm(high - low) * ODD
    inside[near] = crossed(points[near], ends, triangles) % 2 == 1
    return inside

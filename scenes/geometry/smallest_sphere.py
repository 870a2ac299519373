"""Smallest sphere around points.

The function of trimesh is inexact, and its time is quadratic in the number of points.
"""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

TOLERANCE = 1e-12  # rounding, relative to the radius


def smallest_sphere(points: Array) -> tuple[Array, float]:
    """Return centre (3,) and radius of the smallest sphere around all points (N, 3).

    At most four points determine it. The point farthest outside is added to them, and their sphere
    is recomputed, until no point is outside; the radius grows at every step, so the loop ends (the
    pivot rule of Gärtner, "Fast and robust smallest enclosing balls", 1999).
    """
    support = points[[np.linalg.norm(points - points.mean(axis=0), axis=1).argmax()]]
    centre, radius = support[0], 0.0
    while True:
        distances = np.linalg.norm(points - centre, axis=1)
        farthest = int(distances.argmax())
        if distances[farthest] <= radius * (1 + TOLERANCE):
            return centre, float(distances[farthest])
        wider = _resting_on(np.vstack([points[[farthest]], support]))
        if wider[1] <= radius:  # no gain beyond rounding
            return centre, float(distances[farthest])
        centre, radius, support = wider


def _resting_on(points: Array) -> tuple[Array, float, Array]:
    """Return the smallest sphere around at most five points that has the first one on it."""
    best: tuple[Array, float, Array] = (points[0], np.inf, points[:1])
    for size in range(1, 5):
        for others in combinations(range(1, len(points)), size - 1):
            few = points[[0, *others]]
            centre = _equally_far(few)
            radius = float(np.linalg.norm(few - centre, axis=1).max())
            holds = np.linalg.norm(points - centre, axis=1).max() <= radius * (1 + TOLERANCE)
            if holds and radius < best[1]:
                best = (centre, radius, few)
    return best


def _equally_far(points: Array) -> Array:
    """Return the centre of the smallest sphere through up to four points."""
    across = points[1:] - points[0]
    # centre − first = Σ λ across, with across · (centre − first) = |across|²/2.
    share, *_ = np.linalg.lstsq(across @ across.T, (across**2).sum(axis=1) / 2, rcond=None)
    return np.asarray(points[0] + share @ across)

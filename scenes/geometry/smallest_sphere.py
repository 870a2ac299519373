"""The smallest sphere round points (trimesh's is quadratic in their number, and inexact)."""

from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Rounding, as a share of the radius.
TOLERANCE = 1e-12


def smallest_sphere(points: Array) -> tuple[Array, float]:
    """Find the smallest sphere that holds all points.

    It rests on at most four of them. Starting from one, the point farthest outside is taken in and
    the sphere of those few found anew, until none is outside: the radius grows at every step, so
    the search ends (the pivot rule of Gärtner, "Fast and robust smallest enclosing balls", 1999).

    Parameters
    ----------
    points : (N, 3)
        At least one.

    Returns
    -------
    centre : (3,)
        Of the sphere.
    radius : float
        Distance of the farthest point: none is outside.
    """
    support = points[[np.linalg.norm(points - points.mean(axis=0), axis=1).argmax()]]
    centre, radius = support[0], 0.0
    while True:
        distances = np.linalg.norm(points - centre, axis=1)
        farthest = int(distances.argmax())
        if distances[farthest] <= radius * (1 + TOLERANCE):
            return centre, float(distances[farthest])
        wider = _resting_on(np.vstack([points[[farthest]], support]))
        if wider[1] <= radius:
            # Only rounding is left to gain.
            return centre, float(distances[farthest])
        centre, radius, support = wider


def _resting_on(points: Array) -> tuple[Array, float, Array]:
    """Find the smallest sphere round at most five points, the first of which lies on it."""
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
    """Find the centre of the smallest sphere through up to four points."""
    across = points[1:] - points[0]
    # centre − first = Σ λ across, with across · (centre − first) = |across|²/2.
    share, *_ = np.linalg.lstsq(across @ across.T, (across**2).sum(axis=1) / 2, rcond=None)
    return np.asarray(points[0] + share @ across)

"""Triangle strips and fans."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def strip_triangles(strip: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the triangles (T, 3) of a strip of vertices; −1 begins a new strip."""
    whole = np.asarray(strip, np.int64)
    pieces = np.split(whole, np.flatnonzero(whole == -1))
    found = []
    for piece in pieces:
        corners = piece[piece != -1]
        if len(corners) < 3:
            continue
        # Every second triangle is turned; those without an area only join strips.
        triangles = np.column_stack([corners[:-2], corners[1:-1], corners[2:]])
        triangles[1::2] = triangles[1::2, [1, 0, 2]]
        a, b, c = triangles.T
        found.append(triangles[(a != b) & (b != c) & (a != c)])
    return np.concatenate(found) if found else np.zeros((0, 3), np.int64)


def fan_triangles(fan: Sequence[int] | NDArray[np.integer]) -> NDArray[np.int64]:
    """Return the triangles (T, 3) of a fan: all share its first vertex."""
    corners = np.asarray(fan, np.int64)
    first = np.full(max(len(corners) - 2, 0), corners[0] if len(corners) else 0)
    return np.column_stack([first, corners[1:-1], corners[2:]]).reshape(-1, 3)

"""Points where parallel rays meet triangles."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Crossings(NamedTuple):
    """The C points where rays meet triangles."""

    rays: NDArray[np.intp]  # index of the ray
    heights: Array  # z
    turns: NDArray[np.intp]  # 1 if the front of the triangle faces +z, else −1
    triangles: NDArray[np.intp]  # index of the triangle


def ray_grid(
    low: Array, high: Array, rays: int, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return a random place for a ray in each cell of a grid, (rays, rays, 2).

    Return also the corner of the grid and the size of a cell.
    """
    cell = (high - low) / rays
    indices = np.stack(np.meshgrid(np.arange(rays), np.arange(rays), indexing="ij"), axis=-1)
    return low + cell * (indices + rng.random((rays, rays, 2))), low, cell


def crossings(triangles: Array, places: Array, corner: Array, cell: Array) -> Crossings:
    """Return where rays along z, at the places of a `ray_grid`, meet triangles (F, 3, 3)."""
    rays = places.shape[0]
    flat = triangles[:, :, :2]
    low = np.clip(((flat.min(axis=1) - corner) / cell).astype(int), 0, rays - 1)
    high = np.clip(((flat.max(axis=1) - corner) / cell).astype(int), 0, rays - 1)
    # All cells that the bounding rectangle of each triangle touches.
    sizes = high - low + 1
    counts = sizes.prod(axis=1)
    which = np.repeat(np.arange(len(triangles)), counts)
    nth = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
    column = low[which, 0] + nth // sizes[which, 1]
    row = low[which, 1] + nth % sizes[which, 1]
    point = places[column, row]
    a, b, c = (flat[which, k] for k in range(3))
    area = _cross(b - a, c - a)
    weights = np.stack([_cross(b - point, c - point), _cross(c - point, a - point)], axis=1)
    last = area - weights.sum(axis=1)
    sign = np.sign(area)
    hit = (area != 0) & (weights * sign[:, None] > 0).all(axis=1) & (last * sign > 0)
    shares = np.column_stack([weights, last])[hit] / area[hit, None]
    height = np.sum(shares * triangles[which[hit], :, 2], axis=1)
    ray = (column * rays + row)[hit]
    return Crossings(ray, height, sign[hit].astype(np.intp), which[hit])


def _cross(a: Array, b: Array) -> Array:
    """Return the cross product of vectors in the plane."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

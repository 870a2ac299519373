"""Parallel rays through triangles, cut exactly."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Crossings(NamedTuple):
    """Where rays meet triangles.

    Parameters
    ----------
    rays : (C,)
        Index of the ray.
    heights : (C,) float64
        z of the place.
    turns : (C,)
        1 where the front of the triangle looks along +z, −1 where its back does.
    triangles : (C,)
        Index of the triangle.
    """

    rays: NDArray[np.intp]
    heights: Array
    turns: NDArray[np.intp]
    triangles: NDArray[np.intp]


def ray_grid(
    low: Array, high: Array, rays: int, rng: np.random.Generator
) -> tuple[Array, Array, Array]:
    """Return the places (rays, rays, 2) of rays along z, one at random in each cell of a grid.

    Parameters
    ----------
    low, high : (2,)
        Corners of the rectangle of cells.
    rays
        Side of the grid.
    rng
        Places the rays.

    Returns
    -------
    places, corner, cell
        As `crossings` takes them.
    """
    cell = (high - low) / rays
    indices = np.stack(np.meshgrid(np.arange(rays), np.arange(rays), indexing="ij"), axis=-1)
    return low + cell * (indices + rng.random((rays, rays, 2))), low, cell


def crossings(triangles: Array, places: Array, corner: Array, cell: Array) -> Crossings:
    """Cut rays along z with triangles.

    Parameters
    ----------
    triangles : (F, 3, 3)
        Corners.
    places : (R, R, 2)
        x and y of the rays, one in each cell.
    corner, cell : (2,)
        Of the grid: its corner, and the size of a cell.
    """
    rays = places.shape[0]
    flat = triangles[:, :, :2]
    low = np.clip(((flat.min(axis=1) - corner) / cell).astype(int), 0, rays - 1)
    high = np.clip(((flat.max(axis=1) - corner) / cell).astype(int), 0, rays - 1)
    # Every cell that the bounding rectangle of a triangle touches.
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
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

"""The share of a closed surface that faces inward."""

import numpy as np
from scipy.spatial.transform import Rotation

from scenes.arrays import Mesh
from scenes.geometry.rays import crossings, ray_grid

DIRECTIONS = 16
GRID = 48  # rays per side of the grid of each direction


def inverted_area(mesh: Mesh) -> float:
    """Return the share of the area of a closed surface that faces inward, 0 to 1.

    The winding number changes by one at a face: at the outer surface of a solid, from 1 inside to 0
    outside. A face is inverted if the mean of both sides is negative. Rays in random directions
    count faces in proportion to their area; the share of 0 and of 1 is exact, others to about .01.
    A part of the surface inside another part is not inverted.
    """
    rng = np.random.default_rng(0)
    triangles = mesh.vertices.astype(np.float64)[mesh.faces]
    triangles -= triangles.reshape(-1, 3).mean(axis=0)
    radius = np.linalg.norm(triangles.reshape(-1, 3), axis=1).max()
    inverted = total = 0
    for turn in Rotation.random(DIRECTIONS, rng=rng).as_matrix():
        square = np.full(2, radius)  # of one size, so that all directions count area equally
        found = crossings(triangles @ turn.T, *ray_grid(-square, square, GRID, rng))
        order = np.lexsort((found.heights, found.rays))
        turns, rays = found.turns[order], found.rays[order]
        _, first, ray = np.unique(rays, return_index=True, return_inverse=True)
        # Upward from 0 below the surface, the winding number falls by `turn` at each face.
        passed = np.cumsum(turns) - turns
        below = passed[first][ray] - passed
        # The turns of a ray sum to 0, unless it met an edge of the mesh within rounding errors.
        whole = (np.bincount(ray, turns) == 0)[ray]
        inverted += int(np.count_nonzero(whole & (below - turns / 2 < 0)))
        total += int(np.count_nonzero(whole))
    return inverted / total if total else 0.0

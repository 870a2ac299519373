"""Closest points on a surface, and the overlap of two volumes."""

from dataclasses import dataclass

import numpy as np
import trimesh
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from scenes.arrays import Mesh
from scenes.geometry.areas import face_areas
from scenes.geometry.normals import vertex_normals
from scenes.geometry.rays import crossings, ray_grid

Array = NDArray[np.float64]

NEAREST_PIECES = (6, 48)  # number of nearest pieces to search; 48 only if 6 do not suffice
LONGEST_EDGE = 2.0  # of a piece, relative to the mesh's mean edge


@dataclass(frozen=True)
class Places:
    """Points on a surface, with their normals."""

    points: Array  # (N, 3)
    normals: Array  # (N, 3) smooth unit shading normals


class Surface:
    """A mesh that is prepared for sampling and for closest points."""

    def __init__(self, mesh: Mesh) -> None:
        self.triangles = mesh.vertices.astype(np.float64)[mesh.faces]
        self.vertices = mesh.vertices[np.unique(mesh.faces)].astype(np.float64)
        self._corner_normals = vertex_normals(mesh).astype(np.float64)[mesh.faces]
        self._areas = face_areas(mesh)
        # Long triangles are cut into pieces, so that all points of a piece are near its centre.
        edges = np.linalg.norm(self.triangles - np.roll(self.triangles, 1, axis=1), axis=2)
        corners, pieces, self._owner = trimesh.remesh.subdivide_to_size(
            mesh.vertices.astype(np.float64),
            mesh.faces,
            LONGEST_EDGE * edges.mean(),
            max_iter=32,
            return_index=True,
        )
        cut = corners[pieces]
        centres = cut.mean(axis=1)
        self._radii = np.linalg.norm(cut - centres[:, None], axis=2).max(axis=1)
        self._tree = cKDTree(centres)

    def sample(self, count: int, rng: np.random.Generator) -> Places:
        """Return points drawn uniformly on the surface."""
        triangles = rng.choice(len(self.triangles), count, p=self._areas / self._areas.sum())
        # Uniform on a triangle (Turk 1990).
        root, second = np.sqrt(rng.random(count)), rng.random(count)
        weights = np.stack([1 - root, root * (1 - second), root * second], axis=1)
        points = np.einsum("nk,nkd->nd", weights, self.triangles[triangles])
        return Places(points, self._normals(points, triangles))

    def closest(self, points: Array) -> tuple[Array, Places]:
        """Return the distances (N,) of `points` from the surface, and its closest points.

        The distance to a triangle is exact (Ericson, *Real-Time Collision Detection*, 5.1.5). The
        triangles of the 48 pieces with the nearest centres are searched: a distance is never too
        short, and too long by at most the size of a piece, if more than 48 are equally near.
        """
        closest_points = np.empty_like(points)
        triangles = np.zeros(len(points), np.intp)
        distances = np.full(len(points), np.inf)
        unsettled = np.arange(len(points))
        for wanted in NEAREST_PIECES:
            near = min(wanted, self._tree.n)
            # With a list of ranks, the result is always two-dimensional.
            ranks = np.arange(1, near + 1)
            away, pieces = (np.asarray(each) for each in self._tree.query(points[unsettled], ranks))
            # The nearest piece first: its distance excludes most other pieces.
            for columns in (slice(0, 1), slice(1, near)):
                nearest_part = (away - self._radii[pieces])[:, columns]
                rows, column = np.nonzero(nearest_part < distances[unsettled, None])
                owners = self._owner[pieces[:, columns][rows, column]]
                self._improve(points, unsettled[rows], owners, closest_points, triangles, distances)
            beyond = away[:, -1] - self._radii.max()
            unsettled = unsettled[beyond < distances[unsettled]]
        return distances, Places(closest_points, self._normals(closest_points, triangles))

    def _improve(
        self,
        points: Array,
        rows: NDArray[np.intp],
        candidates: NDArray[np.intp],
        closest_points: Array,
        triangles: NDArray[np.intp],
        distances: Array,
    ) -> None:
        """Replace the result of each point in `rows` if its candidate triangle is nearer."""
        if not len(rows):
            return
        on = trimesh.triangles.closest_point(self.triangles[candidates], points[rows])
        away = np.linalg.norm(on - points[rows], axis=1)
        order = np.lexsort((away, rows))
        first = order[np.unique(rows[order], return_index=True)[1]]
        nearer = first[away[first] < distances[rows[first]]]
        closest_points[rows[nearer]] = on[nearer]
        triangles[rows[nearer]] = candidates[nearer]
        distances[rows[nearer]] = away[nearer]

    def _normals(self, points: Array, triangles: NDArray[np.intp]) -> Array:
        """Return the smooth normals at points on triangles."""
        weights = trimesh.triangles.points_to_barycentric(
            self.triangles[triangles], points, method="cross"
        )
        # A triangle without area has no such weights; use the normal of its first corner.
        weights[~np.isfinite(weights).all(axis=1)] = (1.0, 0.0, 0.0)
        normals = np.einsum("nk,nkd->nd", weights, self._corner_normals[triangles])
        lengths = np.linalg.norm(normals, axis=1, keepdims=True)
        return normals / np.where(lengths > 0, lengths, 1)


def volume_iou(first: Mesh, second: Mesh, rng: np.random.Generator, rays: int = 256) -> float:
    """Return the shared volume of two closed surfaces ÷ their joint volume, 0 to 1."""
    # Measured along rays in z, one at a random place in each cell of a grid. A point is inside if
    # its winding number is not 0, so parts of a surface may overlap.
    triangles = [mesh.vertices.astype(np.float64)[mesh.faces] for mesh in (first, second)]
    both = np.concatenate(triangles)[:, :, :2].reshape(-1, 2)
    grid = ray_grid(both.min(axis=0), both.max(axis=0), rays, rng)
    cuts = [crossings(each, *grid) for each in triangles]
    ray, height, turn = (np.concatenate(each) for each in zip(*(c[:3] for c in cuts), strict=True))
    whose = np.repeat([0, 1], [len(each.rays) for each in cuts])
    order = np.lexsort((height, ray))
    # The winding number returns to 0 along every ray, so one running sum serves all rays.
    inside = [np.cumsum(np.where(whose == i, turn, 0)[order])[:-1] != 0 for i in (0, 1)]
    lengths = np.where(np.diff(ray[order]) == 0, np.diff(height[order]), 0)
    union = lengths[inside[0] | inside[1]].sum()
    return float(lengths[inside[0] & inside[1]].sum() / union) if union > 0 else float("nan")

"""Contact of a scene's object with the other objects: gaps and intersections."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh
from scenes.geometry.segments import crossed, is_inside
from scenes.geometry.surface import Surface
from scenes.geometry.topology import manifold_problem
from scenes.scene import Scene
from scenes.shape import bounding_sphere
from scenes.visibility import placed_mesh

TOUCH = 1e-4  # depth up to which objects only touch, in radii of the searched object


def contacts(scene: Scene) -> list[dict[str, Any]]:
    """Return gap and intersection of the object with each other object.

    Parameters
    ----------
    scene
        A loaded scene.

    Returns
    -------
    list of dict
        ``object``: name of the other object. ``intersects``: whether an edge of one passes through
        a face of the other by more than `TOUCH` radii, or one with a closed surface contains the
        other. ``gap``: least distance between a vertex of one and the surface of the other, in
        radii of the object; 0 if they intersect.
    """
    own = placed_mesh(scene)
    centre, radius = bounding_sphere(own)
    inner = Mesh((centre + (1 - TOUCH) * (own.vertices - centre)).astype(np.float32), own.faces)
    found = []
    for name, each in scene.others.items():
        other = placed_mesh(each)
        intersects = _cross(inner, other) or _cross(other, inner) or _contains(inner, other)
        gap = 0.0 if intersects else _gap(own, other) / radius
        found.append({"object": name, "intersects": intersects, "gap": gap})
    return found


def _cross(one: Mesh, two: Mesh) -> bool:
    """Return whether an edge of one mesh passes through a face of the other."""
    edges = np.unique(np.sort(one.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2), axis=1), axis=0)
    sides = one.vertices.astype(np.float64)[edges]
    triangles = two.vertices.astype(np.float64)[two.faces]
    sides = sides[_near(sides, triangles)]
    triangles = triangles[_near(triangles, sides)]
    if not len(sides) or not len(triangles):
        return False
    return bool(crossed(sides[:, 0], sides[:, 1], triangles).any())


def _near(parts: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return which parts (N, K, 3) meet the bounding box of the others (M, L, 3)."""
    if not len(others):
        return np.zeros(len(parts), bool)
    low, high = others.min(axis=(0, 1)), others.max(axis=(0, 1))
    return ((parts.max(axis=1) >= low) & (parts.min(axis=1) <= high)).all(axis=1)


def _contains(own: Mesh, other: Mesh) -> bool:
    """Return whether one of two meshes that do not cross is inside the other, which is closed."""
    for inner, outer in ((own, other), (other, own)):
        point = inner.vertices[inner.faces[:1, 0]].astype(np.float64)
        if manifold_problem(outer) is None and is_inside(point, outer)[0]:
            return True
    return False


def _gap(own: Mesh, other: Mesh) -> float:
    """Return the least distance between a vertex of one mesh and the surface of the other."""
    distances = [
        Surface(two).closest(one.vertices[np.unique(one.faces)].astype(np.float64))[0].min()
        for one, two in ((own, other), (other, own))
    ]
    return float(min(distances))

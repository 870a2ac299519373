"""Contact of a scene's object with the other objects: gaps and intersections."""

from typing import Any

import numpy as np

from scenes.geometry.segments import crossed
from scenes.geometry.surface import Surface
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry
from scenes.visibility import placed_mesh


def contacts(scene: Scene) -> list[dict[str, Any]]:
    """Return gap and intersection of the object with each other object.

    Parameters
    ----------
    scene
        A loaded scene.

    Returns
    -------
    list of dict
        ``object``: name of the other object. ``intersects``: whether an edge of the object passes
        through a face of the other. ``gap``: least distance between a vertex of the object and the
        surface of the other, in radii of the object; 0 if they intersect.
    """
    own = placed_mesh(scene)
    vertices = own.vertices.astype(np.float64)
    radius = bounding_sphere(geometry(scene.shape))[1]
    found = []
    for name, each in scene.others.items():
        other = placed_mesh(each)
        triangles = other.vertices.astype(np.float64)[other.faces]
        sides = vertices[own.faces[:, [0, 1, 1, 2, 2, 0]].reshape(-1, 2)]
        low, high = triangles.min(axis=(0, 1)), triangles.max(axis=(0, 1))
        near = ((sides.max(axis=1) >= low) & (sides.min(axis=1) <= high)).all(axis=1)
        hits = crossed(sides[near, 0], sides[near, 1], triangles)
        intersects = bool((hits > 0).any())
        distances, _ = Surface(other).closest(vertices)
        gap = 0.0 if intersects else float(distances.min() / radius)
        found.append({"object": name, "intersects": intersects, "gap": gap})
    return found

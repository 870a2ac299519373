"""Areas of the faces and vertices of a mesh."""

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh


def face_areas(mesh: Mesh) -> NDArray[np.float64]:
    """Return the area (F,) of each face, in square scene units."""
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(np.linalg.norm(across, axis=1) / 2)


def vertex_areas(mesh: Mesh) -> NDArray[np.float64]:
    """Return the area (V,) of each vertex, a third of its faces' areas (the lumped mass matrix)."""
    areas = np.zeros(len(mesh.vertices))
    np.add.at(areas, mesh.faces, face_areas(mesh)[:, None] / 3)
    return areas

"""Areas of a mesh: of its faces, and of the surface that belongs to each vertex."""

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh


def face_areas(mesh: Mesh) -> NDArray[np.float64]:
    """Area (F,) of each face, in square scene units; 0 of one whose corners lie on a line.

    Half the length of the cross product of two edges, in double precision. What a search
    differentiates has a twin on tensors, in `mrd.search.regularisers`.
    """
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return np.asarray(np.linalg.norm(across, axis=1) / 2)


def vertex_areas(mesh: Mesh) -> NDArray[np.float64]:
    """Area (V,) of each vertex, a third of each of its faces; 0 of a vertex without any.

    They sum to the area of the surface: the lumped mass matrix of linear elements.
    """
    areas = np.zeros(len(mesh.vertices))
    np.add.at(areas, mesh.faces, face_areas(mesh)[:, None] / 3)
    return areas

import numpy as np
import pytest

from scenes.arrays import Mesh
from scenes.geometry.areas import face_areas, vertex_areas
from scenes.shape import Sphere, geometry

# A 2 × 1 rectangle of two triangles, a line that a third makes, and a vertex of no face.
CORNERS = np.array([[0, 0, 0], [2, 0, 0], [2, 1, 0], [0, 1, 0], [4, 0, 0], [9, 9, 9]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3], [0, 1, 4]], np.int32)


def test_a_face_has_half_the_area_of_its_parallelogram():
    np.testing.assert_array_equal(face_areas(Mesh(CORNERS, FACES)), [1, 1, 0])


def test_a_vertex_has_a_third_of_each_of_its_faces():
    np.testing.assert_allclose(
        vertex_areas(Mesh(CORNERS, FACES)), [2 / 3, 1 / 3, 2 / 3, 1 / 3, 0, 0]
    )


def test_the_areas_of_a_fine_sphere_sum_to_that_of_a_ball():
    mesh = geometry(Sphere(subdivisions=4, radius=1.5))
    assert face_areas(mesh).sum() == pytest.approx(4 * np.pi * 1.5**2, rel=5e-3)
    assert vertex_areas(mesh).sum() == pytest.approx(face_areas(mesh).sum())

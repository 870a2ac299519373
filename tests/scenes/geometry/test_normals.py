import numpy as np
import trimesh

from scenes.arrays import Mesh
from scenes.geometry.normals import vertex_normals
from scenes.shape import Sphere, geometry


def box():
    solid = trimesh.creation.box()
    return Mesh(solid.vertices, solid.faces)


def test_normals_of_a_cube_do_not_depend_on_how_its_faces_are_cut():
    # By angle, each of the three faces at a corner counts for 90°, in one triangle or in two.
    normals = vertex_normals(box())
    np.testing.assert_allclose(normals, np.sign(box().vertices) / np.sqrt(3), atol=1e-6)


def test_normals_do_not_show_a_cut():
    mesh = geometry(Sphere(subdivisions=2))
    torn = Mesh(mesh.vertices[mesh.faces].reshape(-1, 3), np.arange(mesh.faces.size).reshape(-1, 3))
    whole = vertex_normals(mesh)[mesh.faces].reshape(-1, 3)
    np.testing.assert_allclose(vertex_normals(torn), whole, atol=1e-6)


def test_normals_of_a_vertex_without_faces_are_unit_vectors():
    mesh = Mesh(np.vstack([box().vertices, [[3, 3, 3]]]), box().faces)
    np.testing.assert_array_equal(vertex_normals(mesh)[-1], (0, 1, 0))

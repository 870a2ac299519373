"""New triangles for the same surface."""

import numpy as np
import pytest

from mrd.search.remeshing import mean_edge, remeshed
from scenes.arrays import Mesh
from scenes.geometry.topology import manifold_problem
from scenes.shape import Sphere, geometry

SPHERE = geometry(Sphere(subdivisions=3))


def test_the_mean_edge_of_a_triangle_by_hand():
    triangle = Mesh(np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0]], np.float32), [[0, 1, 2]], None)
    assert mean_edge(triangle) == pytest.approx((3 + 4 + 5) / 3)


@pytest.mark.parametrize("edge", [0.1, 0.25])
def test_edges_have_the_wanted_length_and_the_surface_stays(edge):
    mesh, problem = remeshed(SPHERE, edge)
    assert problem is None
    assert manifold_problem(mesh) is None
    assert mean_edge(mesh) == pytest.approx(edge, rel=0.15)
    # A chord of the old triangles lies at most edge² / 8 inside the sphere.
    deepest = mean_edge(SPHERE) ** 2 / 4
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 1, atol=deepest)


def test_stretched_triangles_become_even():
    stretched = Mesh(SPHERE.vertices * np.float32([3, 1, 1]), SPHERE.faces, None)
    mesh, _ = remeshed(stretched, mean_edge(SPHERE))

    def spread(mesh):
        corners = mesh.vertices[mesh.faces]
        return np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).std()

    assert spread(mesh) < 0.5 * spread(stretched)


def test_a_surface_that_does_not_come_out_closed_is_kept():
    opened = Mesh(SPHERE.vertices, SPHERE.faces[:-40], None)
    mesh, problem = remeshed(opened, 0.2)
    assert mesh is opened
    assert "edges" in problem

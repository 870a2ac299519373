"""New triangles for the same surface."""

import numpy as np
import pytest

from mrd.search.remeshing import mean_edge, rate_factor, remeshed, remeshing_edges
from mrd.study.search_section import SearchConfig
from mrd.study.shape_section import Remeshing
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


# ---- When, and into which size -------------------------------------------------------------------


def shape_search(**keys):
    return SearchConfig(attributes=("shape",), **keys)


def test_remeshing_at_given_steps_has_edges_in_units_of_the_start():
    config = shape_search(remeshing=Remeshing(at=(3, 9), edge=0.5, rate=0.8))
    edge = 0.5 * mean_edge(SPHERE)
    assert remeshing_edges(config, SPHERE, extent=7.0) == {3: edge, 9: edge}
    assert rate_factor(config, 2) == pytest.approx(0.64)


def test_automatic_remeshing_covers_the_first_part_of_the_steps():
    edges = remeshing_edges(shape_search(steps=600), SPHERE, extent=1.0)
    assert list(edges) == list(range(40, 421, 20))
    twice = remeshing_edges(shape_search(steps=1200), SPHERE, extent=1.0)
    assert list(twice) == list(range(80, 841, 40))
    assert list(twice.values()) == list(edges.values())


def test_edges_of_automatic_remeshing_follow_the_size_of_the_target():
    for extent in (1.0, 2.5):
        edges = remeshing_edges(shape_search(), SPHERE, extent)
        assert set(edges.values()) == {0.04 * extent}


def test_a_search_that_is_too_short_for_automatic_remeshing_keeps_its_mesh():
    assert remeshing_edges(shape_search(steps=50), SPHERE, extent=1.0) == {}


def test_a_search_without_remeshing_keeps_its_mesh_and_rate():
    config = shape_search(remeshing=None)
    assert remeshing_edges(config, SPHERE, extent=1.0) == {}
    assert rate_factor(config, 0) == 1


def test_other_attributes_keep_the_moments_of_their_optimiser(begun):
    search, _ = begun(("shape", "pose"), steps=6, remeshing={"at": [3], "edge": 1.2})
    for _ in range(2):
        search.step()
    moments = search.moving.optimiser_arrays()
    vertices = len(geometry(search.scene().shape).vertices)
    search.remesh(0.3)
    assert len(geometry(search.scene().shape).vertices) != vertices
    found = search.moving.optimiser_arrays()
    assert found["shape.adam.steps"] == 0
    assert found["pose.adam.steps"] == 2
    for name in (name for name in found if name.startswith("pose.")):
        np.testing.assert_array_equal(found[name], moments[name])

"""Regularisers by hand on a tetrahedron and a pyramid, and their gradients."""

import numpy as np
import pytest
import torch

from mrd.search.regularisers import (
    MeshOperators,
    area,
    edge_length,
    edge_matrix,
    laplacian,
    penalty,
    umbrella_matrix,
)
from mrd.search.variables.shape import ShapeVariables
from mrd.study.search_section import Regularisers
from scenes.arrays import Mesh
from scenes.scene import Scene
from scenes.shape import Blob, Sphere, geometry

FACES = np.array([[0, 1, 2], [0, 3, 1], [0, 2, 3], [1, 3, 2]])
# A corner of the unit cube: three edges of length 1, three of √2.
CORNER = Mesh(np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]], np.float32), FACES)
TERMS = {"edge_length": edge_length, "area": area, "laplacian": laplacian}


def vertices_of(mesh):
    return torch.tensor(mesh.vertices, dtype=torch.float64)


@pytest.fixture
def corner():
    return MeshOperators(CORNER, dtype=torch.float64)


def test_the_edges_of_a_tetrahedron():
    found = edge_matrix(CORNER).toarray()
    assert found.shape == (6, 4)
    np.testing.assert_array_equal(found.sum(axis=1), 0)
    np.testing.assert_array_equal(np.abs(found).sum(axis=0), 3)  # every vertex has three edges
    lengths = np.linalg.norm(found @ CORNER.vertices, axis=1)
    np.testing.assert_allclose(np.sort(lengths), [1, 1, 1, *[np.sqrt(2)] * 3])


def test_the_umbrella_of_a_square_pyramid():
    # The base is cut along 1–3: neighbours of 2 are 0, 1 and 3.
    faces = np.array([[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1], [1, 3, 2], [1, 4, 3]])
    found = umbrella_matrix(Mesh(np.eye(5, 3), faces)).toarray()
    np.testing.assert_allclose(found[2], [-1 / 3, -1 / 3, 1, -1 / 3, 0])
    np.testing.assert_allclose(found[0], [1, -1 / 4, -1 / 4, -1 / 4, -1 / 4])


def test_every_figure_of_a_tetrahedron_by_hand(corner):
    assert corner.square_length == pytest.approx((3 * 1 + 3 * 2) / 6)
    assert corner.area == pytest.approx(3 * 0.5 + np.sqrt(3) / 2)
    at_start = vertices_of(CORNER)
    assert float(edge_length(at_start, corner)) == pytest.approx(1)
    assert float(area(at_start, corner)) == pytest.approx(1)
    # Vertex 0 is off the mean of its neighbours by −(1, 1, 1)/3; vertex 1 by (1, −1/3, −1/3).
    expected = (3 / 9 + 3 * (1 + 2 / 9)) / 4 / 1.5
    assert float(laplacian(at_start, corner)) == pytest.approx(expected)


def test_a_mesh_of_twice_the_size(corner):
    twice = 2 * vertices_of(CORNER)
    assert float(edge_length(twice, corner)) == pytest.approx(4)
    assert float(area(twice, corner)) == pytest.approx(4)
    once = float(laplacian(vertices_of(CORNER), corner))
    assert float(laplacian(twice, corner)) == pytest.approx(4 * once)


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_a_move_or_a_turn_of_the_whole_changes_nothing(term, rng):
    mesh = geometry(Blob(seed=2, subdivisions=2))
    operators, vertices = MeshOperators(mesh, dtype=torch.float64), vertices_of(mesh)
    turn = torch.tensor(np.linalg.qr(rng.normal(size=(3, 3)))[0])
    moved = vertices @ turn.T + torch.tensor(rng.normal(size=3))
    torch.testing.assert_close(term(moved, operators), term(vertices, operators))


def test_figures_do_not_depend_on_size_or_fineness():
    # Edges and area are 1 at every start. The Laplacian of a smooth surface goes to 0 as its mesh
    # becomes finer: with the squared edge length where triangles are even.
    figures = {}
    for radius, subdivisions in ((1.0, 3), (7.0, 3), (1.0, 4)):
        mesh = geometry(Sphere(radius=radius, subdivisions=subdivisions))
        operators, vertices = MeshOperators(mesh, dtype=torch.float64), vertices_of(mesh)
        figures[radius, subdivisions] = [float(t(vertices, operators)) for t in TERMS.values()]
    np.testing.assert_allclose(figures[1.0, 3], figures[7.0, 3], rtol=1e-5)
    np.testing.assert_allclose(figures[1.0, 4][:2], [1, 1], rtol=1e-6)
    assert figures[1.0, 3][2] / 4 < figures[1.0, 4][2] < figures[1.0, 3][2] / 2


@pytest.mark.parametrize("term", TERMS.values(), ids=TERMS)
def test_gradients_are_finite_differences(term, rng):
    mesh = geometry(Blob(seed=2, subdivisions=0))
    operators = MeshOperators(mesh, dtype=torch.float64)
    start = (vertices_of(mesh) + 0.1 * torch.tensor(rng.normal(size=mesh.vertices.shape))).detach()
    assert torch.autograd.gradcheck(lambda v: term(v, operators), start.requires_grad_())


def test_a_bump_of_one_vertex_is_pulled_back():
    mesh = geometry(Sphere(subdivisions=2))
    vertices = vertices_of(mesh)
    vertices[5] *= 1.5
    for term in TERMS.values():
        leaf = vertices.clone().requires_grad_()
        term(leaf, MeshOperators(mesh, dtype=torch.float64)).backward()
        outward = -(leaf.grad * vertices).sum(dim=1)  # steps go against the gradient
        assert int(outward.argmin()) == 5


def test_the_penalty_is_the_weighted_sum(corner):
    vertices = 1.3 * vertices_of(CORNER)
    weights = Regularisers(edge_length=2.0, area=0.5, laplacian=3.0)
    expected = (
        2 * edge_length(vertices, corner)
        + 0.5 * area(vertices, corner)
        + 3 * laplacian(vertices, corner)
    )
    torch.testing.assert_close(penalty(vertices, corner, weights), expected)
    assert float(penalty(vertices, corner, Regularisers())) == 0


def test_a_shape_is_regularised_only_where_asked():
    scene = Scene(name="blob", shape=Blob(seed=2, subdivisions=2)).loaded()
    assert not ShapeVariables(scene, 10.0).penalty().requires_grad
    weights = Regularisers(area=2.0)
    variables = ShapeVariables(scene, 10.0, regularisers=weights)
    found = variables.penalty()
    assert float(found.detach()) == pytest.approx(2, rel=1e-4)
    found.backward()
    with torch.no_grad():
        variables.tensors["latent"].sub_(0.5 * variables.tensors["latent"].grad)
    assert float(variables.penalty().detach()) < 2

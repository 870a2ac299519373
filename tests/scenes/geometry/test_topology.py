import numpy as np
from trimesh.creation import box, icosphere

from scenes.arrays import Mesh
from scenes.geometry.topology import edges_of, hard_edges, joined, manifold_problem, place_of


def test_an_open_mesh_cannot_start_a_search():
    mesh = Mesh(box().vertices, box().faces[1:])
    assert manifold_problem(mesh) == (
        "3 of 18 edges do not belong to exactly two faces (3 to one, 0 to more); "
        "use a closed surface, such as a sphere"
    )


def test_an_edge_with_three_faces_cannot_start_a_search():
    vertices = np.vstack([box().vertices, [[2, 2, 2]]])
    faces = np.vstack([box().faces, [[*box().faces[0, :2], 8]]])
    assert "(2 to one, 1 to more)" in manifold_problem(Mesh(vertices, faces))


def test_a_turned_face_cannot_start_a_search():
    faces = box().faces.copy()
    faces[0] = faces[0, ::-1]
    assert manifold_problem(Mesh(box().vertices, faces)).startswith(
        "3 of 18 edges are between faces of opposite orientation"
    )


def doubled(mesh):
    """Return the mesh with separate vertices for every face, as in files with hard edges."""
    return Mesh(
        np.asarray(mesh.vertices)[mesh.faces].reshape(-1, 3),
        np.arange(3 * len(mesh.faces)).reshape(-1, 3),
    )


def test_topology_depends_on_positions():
    assert manifold_problem(doubled(icosphere(subdivisions=1))) is None
    opened = Mesh(icosphere(subdivisions=1).vertices, icosphere(subdivisions=1).faces[1:])
    assert "3 to one, 0 to more" in manifold_problem(doubled(opened))


def test_vertices_at_one_position_are_joined():
    sphere = icosphere(subdivisions=1)
    whole, vertex = joined(doubled(sphere))
    assert whole.vertices.shape == (42, 3)
    assert manifold_problem(whole) is None
    np.testing.assert_array_equal(whole.vertices[vertex], doubled(sphere).vertices)
    np.testing.assert_array_equal(whole.faces, vertex.reshape(-1, 3))


def test_a_mesh_without_doubled_vertices_is_unchanged():
    mesh = Mesh(box().vertices, box().faces, np.zeros((8, 2)))
    whole, vertex = joined(mesh)
    assert whole is mesh
    assert vertex.tolist() == list(range(8))


def test_hard_edges_are_those_where_faces_turn_sharply():
    mesh = box()
    assert hard_edges(mesh.vertices, mesh.faces, edges_of(mesh.vertices, mesh.faces)) == 12
    ball = icosphere(subdivisions=2)
    assert hard_edges(ball.vertices, ball.faces, edges_of(ball.vertices, ball.faces)) == 0


def test_minus_zero_is_the_place_of_zero():
    assert place_of(np.array([[0.0, 1, 2], [-0.0, 1, 2], [0, 1, 2.5]])).tolist() == [0, 0, 2]


def test_edges_of_one_and_of_more_faces_are_counted():
    vertices = np.array([(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1)], float)
    edges = edges_of(vertices, np.array([(0, 1, 2), (1, 0, 3), (0, 1, 4)]))
    assert (len(edges.times), edges.of_one, edges.of_more) == (7, 6, 1)
    edges = edges_of(vertices, np.array([(0, 1, 2), (1, 0, 3)]))
    one, other = edges.pairs()
    assert sorted([int(one[0]), int(other[0])]) == [0, 3]
    assert edges.forward[one[0]] != edges.forward[other[0]]

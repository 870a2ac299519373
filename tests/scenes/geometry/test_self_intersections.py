"""Faces that pass through others."""

import numpy as np
import pytest
import trimesh
from trimesh.creation import box, icosphere

from scenes.arrays import Mesh
from scenes.geometry.self_intersections import PAIRS, self_intersecting


def mesh_of(*solids):
    joined = trimesh.util.concatenate(solids)
    return Mesh(np.asarray(joined.vertices), np.asarray(joined.faces), None)


def sheet(columns, heights):
    """Return a strip of squares, 1 wide, through the points (columns, heights)."""
    ends = [[x, y, z] for x, z in zip(columns, heights, strict=True) for y in (0, 1)]
    faces = [
        each
        for k in range(0, len(ends) - 2, 2)
        for each in ((k, k + 2, k + 1), (k + 1, k + 2, k + 3))
    ]
    return Mesh(np.array(ends, float), np.array(faces), None)


BALL = icosphere(subdivisions=4)  # 5120 faces, radius 1


@pytest.mark.parametrize("turned", [False, True])
def test_a_sphere_does_not_intersect_itself_nor_one_turned_inside_out(turned):
    ball = Mesh(BALL.vertices, BALL.faces[:, ::-1] if turned else BALL.faces, None)
    assert not self_intersecting(ball).any()


def test_faces_of_two_spheres_intersect_where_their_surfaces_do():
    other = BALL.copy().apply_translation([0.9, 0.1, 0.2])
    found = self_intersecting(mesh_of(BALL, other))
    distance = np.linalg.norm([0.9, 0.1, 0.2])
    for part, solid, centre in zip(
        np.split(found, 2), (BALL, other), (other.centroid, BALL.centroid), strict=True
    ):
        # A face has a corner inside the other sphere and one outside, up to the height of a chord.
        away = np.linalg.norm(solid.vertices - centre, axis=1)[solid.faces]
        assert part[(away.min(axis=1) < 0.998) & (away.max(axis=1) > 1)].all()
        assert not part[(away.max(axis=1) < 0.998) | (away.min(axis=1) > 1)].any()
        # The circle of intersection has radius √(1 − d²/4); about two faces for each edge length.
        around = 2 * np.pi * np.sqrt(1 - distance**2 / 4) / BALL.edges_unique_length.mean()
        assert 1 * around < part.sum() < 3 * around


def test_spheres_that_are_apart_or_inside_one_another_do_not_intersect():
    inside, apart = BALL.copy().apply_scale(0.9), BALL.copy().apply_translation([2.1, 0, 0])
    assert not self_intersecting(mesh_of(BALL, inside, apart)).any()


def test_a_fold_through_a_sheet_by_hand():
    """A strip goes right, turns back above itself, and dives through its third square."""
    folded = sheet([0, 1, 2, 3, 4, 4, 2.6, 2.4], [0, 0, 0, 0, 0, 2, 1, -1])
    crossed = np.repeat([False, False, True, False, False, False, True], 2)
    np.testing.assert_array_equal(self_intersecting(folded), crossed)
    np.testing.assert_array_equal(self_intersecting(sheet([0, 1, 2, 2, 0], [0, 0, 0, 1, 1])), False)


def test_vertices_that_a_seam_repeats_are_one():
    ball = icosphere(subdivisions=2)
    loose = Mesh(ball.vertices[ball.faces].reshape(-1, 3), np.arange(960).reshape(-1, 3), None)
    assert not self_intersecting(loose).any()


def test_random_crumples_agree_with_an_independent_test_of_every_pair(rng):
    """Barycentric coordinates of the point where an edge meets the plane of a face."""
    ball = icosphere(subdivisions=1)
    vertices = (ball.vertices + rng.normal(scale=0.35, size=ball.vertices.shape)).astype(np.float32)
    points = vertices.astype(float)
    expected = np.zeros(len(ball.faces), bool)
    for one, face in enumerate(ball.faces):
        for two, other in enumerate(ball.faces):
            for start, end in zip(face, np.roll(face, -1), strict=True):
                if start in other or end in other:
                    continue
                a, b, c = points[other]
                columns = np.stack([b - a, c - a, points[start] - points[end]], axis=1)
                u, v, along = np.linalg.solve(columns, points[start] - a)
                if min(u, v, along, 1 - along, 1 - u - v) > 0:
                    expected[[one, two]] = True
    assert 0 < expected.sum() < len(expected)
    np.testing.assert_array_equal(self_intersecting(Mesh(vertices, ball.faces, None)), expected)


def test_pairs_in_several_chunks(monkeypatch):
    one, other = icosphere(subdivisions=3), icosphere(subdivisions=3).apply_translation([1, 0.1, 0])
    mesh = mesh_of(one, other)
    expected = self_intersecting(mesh)
    assert expected.any()
    assert PAIRS > 1000
    monkeypatch.setattr("scenes.geometry.self_intersections.PAIRS", 1000)
    np.testing.assert_array_equal(self_intersecting(mesh), expected)


def test_the_ways_through_a_box_by_hand():
    """A rod through two opposite walls crosses both triangles of each with all 8 of its sides."""
    rod = box(extents=[0.2, 0.3, 3]).apply_translation([0.02, 0.01, 0])
    found = self_intersecting(mesh_of(box(extents=[2, 2, 1]), rod))
    walls = np.abs(box(extents=[2, 2, 1]).face_normals[:, 2]) > 0.5
    sides = np.abs(rod.face_normals[:, 2]) < 0.5
    np.testing.assert_array_equal(found, np.concatenate([walls, sides]))

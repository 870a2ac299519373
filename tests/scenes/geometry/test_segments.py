"""Segments against triangles, and points against closed meshes."""

import numpy as np
import trimesh

from scenes.arrays import Mesh
from scenes.geometry.segments import crossed, is_inside

TRIANGLE = np.array([[[0, 0, 0], [1, 0, 0], [0, 1, 0]]], dtype=np.float64)


def test_a_segment_passes_through_a_triangle_or_beside_it():
    starts = np.array([[0.2, 0.2, 1], [0.9, 0.9, 1], [0.2, 0.2, 1], [0.2, 0.2, 1]], dtype=float)
    ends = np.array([[0.2, 0.2, -1], [0.9, 0.9, -1], [0.2, 0.2, 0.5], [0.2, 0.2, 0]], dtype=float)
    assert crossed(starts, ends, TRIANGLE).tolist() == [1, 0, 0, 0]


def test_segments_in_the_plane_of_a_triangle_do_not_count():
    starts, ends = np.array([[-1.0, 0.2, 0.0]]), np.array([[2.0, 0.2, 0.0]])
    assert crossed(starts, ends, TRIANGLE).tolist() == [0]


def test_counts_do_not_depend_on_how_triangles_are_divided(monkeypatch):
    rng = np.random.default_rng(1)
    triangles = rng.normal(size=(200, 3, 3))
    starts, ends = rng.normal(size=(2, 30, 3)) * 2
    whole = crossed(starts, ends, triangles)
    monkeypatch.setattr("scenes.geometry.segments.PAIRS", 100)
    assert (crossed(starts, ends, triangles) == whole).all()
    assert whole.any()


def test_points_inside_a_ring_are_those_near_its_middle_line():
    ring = trimesh.creation.torus(1.0, 0.4, major_sections=96, minor_sections=64)
    mesh = Mesh(ring.vertices.astype(np.float32), ring.faces.astype(np.int32))
    points = np.random.default_rng(2).uniform(-1.5, 1.5, size=(2000, 3))
    distance = np.hypot(np.hypot(points[:, 0], points[:, 1]) - 1, points[:, 2])
    clear = np.abs(distance - 0.4) > 0.01
    assert (is_inside(points, mesh)[clear] == (distance < 0.4)[clear]).all()
    assert clear.sum() > 1800


def test_no_point_is_inside_an_empty_neighbourhood():
    mesh = Mesh(TRIANGLE[0].astype(np.float32), np.array([[0, 1, 2]], np.int32))
    assert not is_inside(np.array([[5.0, 5.0, 5.0]]), mesh).any()

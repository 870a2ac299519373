"""The share of a surface that faces inward."""

import numpy as np
import pytest
import trimesh
from trimesh.creation import box, icosphere

from scenes.arrays import Mesh
from scenes.geometry.inverted_area import inverted_area
from scenes.geometry.topology import manifold_problem


def mesh_of(*solids):
    joined = trimesh.util.concatenate(solids)
    return Mesh(np.asarray(joined.vertices), np.asarray(joined.faces), None)


def inside_out(solid):
    return trimesh.Trimesh(solid.vertices, solid.faces[:, ::-1], process=False)


BALL = icosphere(subdivisions=3)


def test_a_sphere_faces_outward_and_its_mirror_image_inward():
    assert inverted_area(mesh_of(BALL)) == 0
    assert inverted_area(mesh_of(inside_out(BALL))) == 1
    mirrored = Mesh(BALL.vertices * [1, 1, -1], BALL.faces, None)
    assert inverted_area(mirrored) == 1


def test_the_walls_of_a_cavity_and_parts_inside_others_are_not_inverted():
    hollow = mesh_of(box(), inside_out(BALL.copy().apply_scale(0.3)))
    assert inverted_area(hollow) == 0
    assert inverted_area(mesh_of(BALL, BALL.copy().apply_translation([0.9, 0.1, 0]))) == 0
    assert inverted_area(mesh_of(BALL, BALL.copy().apply_scale(0.5))) == 0


def test_the_share_is_by_area():
    """A sphere of half the radius has a quarter of the area, whatever its faces."""
    small = inside_out(icosphere(subdivisions=4)).apply_scale(0.5).apply_translation([3, 0, 0])
    assert inverted_area(mesh_of(BALL, small)) == pytest.approx(1 / 5, abs=0.01)


def test_a_dent_pushed_through_the_far_side_by_hand():
    """A box of 5 × 4 × 1 with a well of 2 × 2 in its top that ends 1 below its bottom.

    Below the bottom, the well's walls (8) and floor (4) face what they enclose. So does the piece
    of the bottom inside the well (4). All faces: 20 bottom, 18 sides, 16 top, 16 walls, 4 floor.
    """

    def corners(low, high, z):
        return [
            [low[0], low[1], z],
            [high[0], low[1], z],
            [high[0], high[1], z],
            [low[0], high[1], z],
        ]

    outer, inner = ((-2, -2), (3, 2)), ((-1, -1), (1, 1))
    vertices = corners(*outer, 0) + corners(*outer, 1) + corners(*inner, 1) + corners(*inner, -1)
    bands = [(0, 4), (4, 8), (8, 12)]  # sides, top, walls of the well
    quads = [(3, 2, 1, 0), (12, 13, 14, 15)]
    quads += [
        (low + k, low + (k + 1) % 4, high + (k + 1) % 4, high + k)
        for low, high in bands
        for k in range(4)
    ]
    faces = [tri for a, b, c, d in quads for tri in ((a, b, c), (a, c, d))]
    mesh = Mesh(np.array(vertices, float), np.array(faces), None)
    assert manifold_problem(mesh) is None
    assert inverted_area(mesh) == pytest.approx(16 / 74, abs=0.01)
    turned = Mesh(mesh.vertices, mesh.faces[:, ::-1], None)
    assert inverted_area(turned) == pytest.approx(58 / 74, abs=0.01)

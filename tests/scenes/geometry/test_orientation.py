import numpy as np
import pytest
import trimesh
from trimesh.creation import box, icosphere

from scenes.base.errors import InputError
from scenes.geometry.orientation import turned_outward


def volume(vertices, faces):
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    return float(np.einsum("fd,fd->", a, np.cross(b, c)) / 6)


def together(*solids):
    joined = trimesh.util.concatenate(solids)
    return np.asarray(joined.vertices, float), np.asarray(joined.faces)


def inside_out(solid):
    return trimesh.Trimesh(solid.vertices, solid.faces[:, ::-1], process=False)


BALL = icosphere(subdivisions=2)


def test_a_solid_that_faces_outward_is_unchanged():
    turned = turned_outward(np.asarray(BALL.vertices), np.asarray(BALL.faces))
    assert turned.count == 0
    np.testing.assert_array_equal(turned.faces, BALL.faces)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 1])
def test_faces_of_one_part_are_made_to_agree(share, rng):
    wrong = rng.random(len(BALL.faces)) < share
    faces = np.where(wrong[:, None], BALL.faces[:, ::-1], BALL.faces)
    turned = turned_outward(np.asarray(BALL.vertices), faces)
    assert turned.count == wrong.sum()
    assert volume(BALL.vertices, turned.faces) == pytest.approx(BALL.volume)


def test_each_part_is_turned_separately():
    vertices, faces = together(inside_out(BALL), box().apply_translation([3, 0, 0]))
    turned = turned_outward(vertices, faces)
    assert turned.count == 320
    assert volume(vertices, turned.faces) == pytest.approx(BALL.volume + 1)


@pytest.mark.parametrize("whole_file_turned", [False, True])
def test_a_cavity_stays_a_cavity(whole_file_turned):
    """A hollow box: its inner wall faces the hollow, and is turned only with the outer one."""
    hollow = inside_out(BALL.copy().apply_scale(0.3))
    vertices, faces = together(box(), hollow)
    expected = volume(vertices, faces)
    assert expected < 1
    turned = turned_outward(vertices, faces[:, ::-1] if whole_file_turned else faces)
    assert turned.count == (len(faces) if whole_file_turned else 0)
    assert volume(vertices, turned.faces) == pytest.approx(expected)


@pytest.mark.parametrize("first", [0, 40, 75])
@pytest.mark.parametrize("turned_part", ["limb", "body"])
def test_a_limb_through_the_wall_of_a_body_is_turned_separately(turned_part, first):
    """It is partly inside the body, and no cavity, in any order of its faces."""
    limb = trimesh.creation.cylinder(radius=0.2, height=1, sections=19)
    limb.apply_translation([0.5, 0, 0])
    limb = trimesh.Trimesh(limb.vertices, np.roll(limb.faces, first, axis=0), process=False)
    body = box()
    expected = limb.volume + body.volume
    parts = {"limb": limb, "body": body}
    parts[turned_part] = inside_out(parts[turned_part])
    vertices, faces = together(*parts.values())
    turned = turned_outward(vertices, faces)
    assert turned.count == len(parts[turned_part].faces)
    assert volume(vertices, turned.faces) == pytest.approx(expected)


def test_a_part_inside_another_that_faces_outward_is_unchanged():
    vertices, faces = together(box(), BALL.copy().apply_scale(0.3))
    assert turned_outward(vertices, faces).count == 0


OPEN = {
    "a ball with a hole": BALL.faces[np.asarray(BALL.triangles_center)[:, 2] < 0.8],
    "half a ball": BALL.faces[np.asarray(BALL.triangles_center)[:, 2] < 0],
    "a dish": BALL.faces[np.asarray(BALL.triangles_center)[:, 2] < -0.4],
}


@pytest.mark.parametrize("name", OPEN)
def test_an_open_part_shows_its_outer_side(name):
    faces = np.asarray(OPEN[name])
    vertices = np.asarray(BALL.vertices)
    assert turned_outward(vertices, faces).count == 0
    turned = turned_outward(vertices, faces[:, ::-1])
    assert turned.count == len(faces)
    np.testing.assert_array_equal(turned.faces, faces)


def test_the_outside_of_open_parts_depends_on_the_whole_object():
    """The sides of a box, apart from each other: each alone would be a sheet."""
    vertices, faces = np.asarray(box().vertices), np.asarray(box().faces)
    places = vertices[faces].reshape(-1, 3) * 1.0
    sides = places + 1e-3 * np.repeat(np.asarray(box().face_normals), 3, axis=0)
    apart = np.arange(36).reshape(-1, 3)
    turned = turned_outward(sides, apart[:, ::-1])
    assert turned.count == 12
    assert volume(sides, turned.faces) > 0.9


def test_a_flat_sheet_has_no_outside():
    vertices = np.array([(0, 0, 0), (1, 0, 0), (1, 1, 0), (0, 1, 0)], float)
    for faces in ([(0, 1, 2), (0, 2, 3)], [(0, 2, 1), (0, 3, 2)]):
        turned = turned_outward(vertices, np.array(faces))
        assert (turned.count, turned.without_outside) == (0, 2)


def test_a_surface_of_one_side_is_refused():
    around = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    across = np.array([-0.3, 0.3])
    radius = 1 + across[None] * np.cos(around / 2)[:, None]
    strip = np.stack(
        [radius * np.cos(around)[:, None], radius * np.sin(around)[:, None],
         across[None] * np.sin(around / 2)[:, None]], axis=2
    ).reshape(-1, 3)  # fmt: skip
    faces = []
    for k in range(24):
        a, b = 2 * k, 2 * k + 1
        # Half a turn on, the strip meets itself upside down.
        c, d = (2 * k + 2, 2 * k + 3) if k < 23 else (1, 0)
        faces += [(a, c, b), (b, c, d)]
    with pytest.raises(InputError, match=r"48 of 48 faces have no inside and outside \(like a Möb"):
        turned_outward(strip, np.array(faces))

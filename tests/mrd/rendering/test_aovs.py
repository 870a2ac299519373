"""AOVs against numbers computed by hand, and against the images."""

import numpy as np
import pytest

from mrd.rendering.aovs import Aovs
from mrd.rendering.stage import Stage
from scenes.aov_kinds import KINDS, kinds_of
from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.camera import Place, Placed, Ring, Single, cameras
from scenes.lamps import RectangleLamp
from scenes.material import Material
from scenes.objects import Object
from scenes.pose import Pose
from scenes.shape import MeshShape, Sphere

FINE = Sphere(subdivisions=6)
SQUARE = Mesh([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], [[0, 1, 2], [0, 2, 3]],
              [[0, 1], [1, 1], [1, 0], [0, 0]])  # fmt: skip
FRONT = Single(elevation=0, resolution=33)  # an odd number: one pixel is in the middle


def square(size, **more):
    mesh = Mesh(SQUARE.vertices * size, SQUARE.faces, SQUARE.uvs)
    return Object(shape=MeshShape(surface=mesh, fit=False, normals="flat"), **more)


def aovs(scene, camera=0, kinds=KINDS, samples=64):
    return Aovs(scene).of(cameras(scene.cameras)[camera], kinds, samples)


def places(view, depth):
    """Return the world points (N, 3) of pixels at a depth, and the pixels' centres (N, 2)."""
    rows, columns = np.nonzero(depth)
    centres = np.column_stack([columns, rows]) + 0.5
    focal = view.width / 2 / np.tan(np.radians(view.field_of_view) / 2)
    z = depth[rows, columns].astype(np.float64)
    x = (centres[:, 0] - view.width / 2) / focal * z
    y = -(centres[:, 1] - view.height / 2) / focal * z
    matrix = view.to_world()
    return np.column_stack([x, y, -z]) @ matrix[:3, :3].T + matrix[:3, 3], centres


def test_a_sphere_has_its_depth_and_normal_in_the_middle(small):
    scene = small(shape=FINE, cameras=FRONT, pose=Pose(translation=(0, 0, 0.5)))
    found = aovs(scene)
    assert found["depth"][16, 16, 0] == pytest.approx(5 - 0.5 - 1, abs=1e-3)
    np.testing.assert_allclose(found["normals"][16, 16], (0, 0, 1), atol=1e-3)
    assert all(found[kind].dtype == np.float32 for kind in KINDS)
    assert {kind: values.shape[2] for kind, values in found.items()} == {
        "depth": 1, "normals": 3, "albedo": 3, "mask": 1, "object": 1,
    }  # fmt: skip


def test_depth_is_along_the_viewing_axis_and_not_along_the_ray(small):
    scene = small(**dict(square(3.0)), cameras=FRONT)
    depth = aovs(scene)["depth"]
    np.testing.assert_allclose(depth, 5, atol=1e-5)  # in the corners too


@pytest.mark.parametrize(
    "rig",
    [
        Ring(count=3, elevation=35, resolution=24),
        Placed(
            places=(Place(origin=(1, 3, 4), target=(0.3, 0, 0.2), up=(0.5, 1, 0)),), resolution=24
        ),
    ],
)
def test_points_at_their_depth_are_on_the_surface_and_project_to_their_pixels(small, rig):
    centre = np.array([0.4, -0.3, 0.2])
    scene = small(shape=FINE, pose=Pose(translation=tuple(centre)), cameras=rig)
    for number, view in enumerate(cameras(rig)):
        found = aovs(scene, number)
        points, centres = places(view, found["depth"][..., 0])
        assert len(points) > 100
        np.testing.assert_allclose(view.project(points), centres, atol=1e-6)
        np.testing.assert_allclose(np.linalg.norm(points - centre, axis=1), 1, atol=1e-3)
        normals = found["normals"][found["depth"][..., 0] > 0]
        np.testing.assert_allclose(normals, points - centre, atol=5e-3)


def test_where_nothing_is_hit_all_are_zero(small):
    found = aovs(small(cameras=FRONT))
    for values in found.values():
        assert not values[0, 0].any()
    hit = found["object"][..., 0] > 0
    np.testing.assert_allclose(np.linalg.norm(found["normals"][hit], axis=1), 1, atol=1e-5)
    assert (found["depth"][hit] > 0).all()


def test_the_mask_agrees_with_the_coverage_of_the_stage(small):
    cover = square(1.0, pose=Pose(translation=(0.7, 0, 1.5)))
    scene = small(shape=FINE, others={"cover": cover}, cameras=Ring(count=2, resolution=40))
    for number, view in enumerate(cameras(scene.cameras)):
        found, shown = aovs(scene, number), Stage(scene).coverage(view)
        mask = found["mask"][..., 0]
        np.testing.assert_array_equal(found["object"][..., 0] == 1, shown)
        assert shown[mask == 1].all()
        assert not shown[mask == 0].any()
        assert 0 < ((mask > 0) & (mask < 1)).mean() < 0.2
        assert mask.sum() == pytest.approx(shown.sum(), rel=0.05)


def test_the_mask_is_the_area_of_the_object(small):
    scene = small(**dict(square(1.01)), cameras=Single(elevation=0, resolution=40))
    mask = aovs(scene, samples=100)["mask"]
    side = 2 * 1.01 / (2 * 5 * np.tan(np.radians(32) / 2)) * 40
    assert mask.sum() == pytest.approx(side**2, rel=0.01)


def test_albedo_is_the_base_colour(small):
    color = (0.25, 0.5, 0.125)
    scene = small(material=Material(base_color=color, metallic=0.5, spec_trans=0.3), cameras=FRONT)
    found = aovs(scene)
    albedo = found["albedo"][found["object"][..., 0] == 1]
    np.testing.assert_allclose(albedo, np.broadcast_to(color, albedo.shape), atol=1e-6)


def test_albedo_is_that_of_the_texture(small):
    texture = np.zeros((2, 2, 3))
    texture[0, 0], texture[0, 1], texture[1, 0] = (1, 0, 0), (0, 1, 0), (0, 0, 1)
    each = square(1.0, material=Material(base_color=Picture(texture)))
    albedo = aovs(small(**dict(each), cameras=Single(elevation=0, resolution=32)))["albedo"]
    # The middle of each quarter of the square is the middle of a pixel of the texture.
    quarter = cameras(Single(elevation=0, resolution=32))[0].project([[-0.5, 0.5, 0]])[0]
    left, top = np.round(quarter - 0.5).astype(int)
    right, bottom = 31 - left, 31 - top
    for place, expected in (((top, left), (1, 0, 0)), ((top, right), (0, 1, 0)),
                            ((bottom, left), (0, 0, 1)), ((bottom, right), (0, 0, 0))):  # fmt: skip
        np.testing.assert_allclose(albedo[place], expected, atol=0.15)


def test_objects_have_numbers_by_name_after_the_searched_one(small):
    others = {
        "behind": Object(shape=Sphere(radius=3.0), pose=Pose(translation=(0, 0, -4))),
        "ahead": square(0.3, pose=Pose(translation=(0, 0, 2))),
    }
    scene = small(others=others, cameras=FRONT)
    number = aovs(scene)["object"][..., 0]
    assert number[16, 16] == 2  # the square, ahead of both spheres
    assert number[16, 8] == 1
    assert number[16, 2] == 3
    assert number[0, 0] == 0
    assert list(scene.objects) == ["object", "ahead", "behind"]
    seen = aovs(scene.with_searched_object("ahead"))
    assert seen["object"][16, 16, 0] == 1
    assert seen["mask"][16, 16, 0] == 1
    assert aovs(scene)["mask"][16, 16, 0] == 0


def test_a_lamp_is_a_surface_but_no_object(small):
    lamp = RectangleLamp(place=(0, 0, 3), toward=(0, 0, 9), size=(0.4, 0.4))
    found = aovs(small(lamps={"lamp": lamp}, cameras=FRONT))
    assert found["depth"][16, 16, 0] == pytest.approx(2, abs=1e-4)
    for kind in ("albedo", "mask", "object"):
        assert not found[kind][16, 16].any()


def test_only_the_kinds_asked_for_are_returned_in_their_order(small):
    assert list(aovs(small(), kinds=("mask", "depth"))) == ["mask", "depth"]


def test_kinds_are_read_from_a_text():
    assert kinds_of("object, depth,depth", "--aov") == ("depth", "object")
    with pytest.raises(InputError, match="--aov: no kind is called 'depht'; did you mean 'depth'"):
        kinds_of("depht", "--aov")

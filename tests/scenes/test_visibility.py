"""Cameras that see nothing, and cameras and lamps inside objects."""

import numpy as np
import pytest

from scenes.arrays import Mesh
from scenes.base.errors import InputError
from scenes.camera import Placed, Single
from scenes.geometry.segments import crossed
from scenes.material import Material
from scenes.objects import Object
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import MeshShape, Sphere, geometry
from scenes.visibility import _in_cone, check_visible

BALL = Sphere(subdivisions=3)


def scene(**changes):
    return Scene(
        name="a", shape=BALL, **{"cameras": Single(azimuth=0, elevation=0), **changes}
    ).loaded()


def test_an_object_beside_bars_is_visible():
    check_visible(scene(surroundings={"occluder": {"bars": 5, "width": 0.1}}))


def test_an_object_behind_a_slab_is_hidden():
    hidden = {"occluder": {"width": 4.0, "height": 4.0}}
    with pytest.raises(
        InputError,
        match=r"other objects \(occluder\) hide the whole object 'object' from camera c0",
    ):
        check_visible(scene(surroundings=hidden))


def test_an_object_under_the_ground_is_hidden():
    low = {"ball": Object(shape=Sphere(radius=0.2), pose=Pose(translation=(0, 3, 0)))}
    above = scene(others=low, surroundings=["ground"])
    check_visible(above)
    under = above.model_copy(update={"cameras": Single(elevation=-30.0)})
    with pytest.raises(InputError, match="hide the whole object"):
        check_visible(under)


def test_a_camera_inside_an_object_is_refused():
    around = {"shell": Object(shape=Sphere(radius=6.0))}
    with pytest.raises(InputError, match="camera c0 is inside the object 'shell'"):
        check_visible(scene(others=around))


def test_a_closed_object_whose_faces_look_inward_is_a_room():
    shell = geometry(Sphere(subdivisions=2, radius=6.0))
    inward = Mesh(shell.vertices, shell.faces[:, ::-1])
    around = {"room": Object(shape=MeshShape(surface=inward, fit=False))}
    check_visible(scene(others=around, lamps={"key": {"kind": "point", "place": [0, 4, 0]}}))


def test_a_large_triangle_may_be_seen_without_its_corners():
    """The frame is inside a square; its middle is on the diagonal, or beside all of the square."""
    corners = np.array([[-9, -9, 0], [9, -9, 0], [9, 9, 0], [-9, 9, 0]], np.float32)
    for shift in (0, 9.5):
        square = Mesh(corners + np.float32([shift, 0, 0]), [(0, 1, 2), (0, 2, 3)])
        large = Scene(
            name="a",
            shape=MeshShape(surface=square, fit=False),
            others={"ball": Object(shape=BALL, pose=Pose(translation=(0, 0, -9)))},
            cameras=Single(azimuth=0, elevation=0, distance=4.0),
        )
        check_visible(large)


def test_triangles_outside_a_cone_do_not_hide_its_points(rng):
    """Without them, as many are crossed."""
    triangles = rng.normal(0, 2, (400, 1, 3)) + rng.normal(0, 0.5, (400, 3, 3))
    points, eye = rng.normal(0, 0.5, (50, 3)), np.array([0.0, 1.0, 6.0])
    kept = _in_cone(eye, points, triangles)
    assert 0 < kept.sum() < 300
    eyes = np.broadcast_to(eye, points.shape)
    all_crossed = crossed(eyes, points, triangles)
    assert all_crossed.max() > 0
    np.testing.assert_array_equal(crossed(eyes, points, triangles[kept]), all_crossed)


def test_a_camera_near_one_of_several_objects_is_allowed():
    """The bounding sphere of the ground contains every camera."""
    check_visible(scene(surroundings=["ground"]).with_searched_object("ground"))


@pytest.mark.parametrize("kind", ["point", "sphere", "spot"])
def test_a_lamp_inside_an_object_is_refused(kind):
    lamps = {"key": {"kind": kind, "place": [0.2, 0.1, 0.0]}}
    with pytest.raises(
        InputError, match="lamp key is inside the object 'object'; move one of them"
    ):
        check_visible(scene(lamps=lamps))
    check_visible(scene(lamps={"key": {"kind": kind, "place": [0.0, 2.0, 0.0]}}))


def test_a_sun_is_nowhere_inside():
    check_visible(scene(lamps={"sun": {"kind": "sun"}}))


def test_placed_cameras_are_used_in_their_order():
    places = [{"origin": (0, 0, 5)}, {"origin": (5, 0, 0), "held_out": True}]
    rig = Placed(places=places, resolution=16)
    check_visible(scene(cameras=rig))
    away = Placed(places=[{"origin": (0, 0, 5), "target": (0, 0, 9)}])
    with pytest.raises(InputError, match="camera c0 sees nothing of the object"):
        check_visible(scene(cameras=away))


def test_an_object_under_glass_is_visible():
    bell = {"bell": Object(shape=Sphere(radius=2.0), material=Material(spec_trans=1.0))}
    check_visible(scene(others=bell))


def test_a_lamp_inside_a_tiny_object_is_refused():
    tiny = {"bead": Object(shape=Sphere(radius=0.01), pose=Pose(translation=(0, 2, 0)))}
    lamps = {"key": {"kind": "point", "place": [0.0, 2.0, 0.0]}}
    with pytest.raises(InputError, match="lamp key is inside the object 'bead'"):
        check_visible(scene(others=tiny, lamps=lamps))

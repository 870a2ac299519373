"""Cameras that see nothing, and cameras and lamps inside objects."""

import pytest

from scenes.base.errors import InputError
from scenes.camera import Placed, Single
from scenes.objects import Object
from scenes.pose import Pose
from scenes.scene import Scene
from scenes.shape import Sphere
from scenes.visibility import check_visible

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


def test_a_camera_near_one_of_several_objects_is_allowed():
    """The bounding sphere of the ground contains every camera."""
    check_visible(scene(surroundings=["ground"]).focused("ground"))


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

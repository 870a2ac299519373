"""Lamps: what they accept, and the light that arrives at a point."""

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.spatial.transform import Rotation

from scenes.base.errors import InputError
from scenes.differences import lighting_difference
from scenes.interpolation import between
from scenes.lamps import (
    DiscLamp,
    PointLamp,
    RectangleLamp,
    SphereLamp,
    SpotLamp,
    Sun,
    irradiance,
    rotated,
    sizes,
    strength,
    turned,
    with_sizes,
    with_strength,
)
from scenes.scene import Scene
from scenes.shape import Sphere

ORIGIN = np.zeros(3)
ONE_OF_EACH = [
    RectangleLamp(place=(0, 3, 0), size=(0.5, 0.4)),
    DiscLamp(place=(0, 3, 0)),
    SphereLamp(place=(0, 3, 0)),
    PointLamp(place=(0, 3, 0)),
    SpotLamp(place=(0, 3, 0)),
    Sun(elevation=90.0),
]


def test_a_number_is_grey_and_level_multiplies_the_strength():
    lamp = PointLamp(place=(0, 1, 0), intensity=2.0, level=3.0)
    assert lamp.intensity == (2, 2, 2)
    assert strength(lamp).tolist() == [6, 6, 6]
    assert with_strength(lamp, np.array([1.0, 2.0, 3.0])) == PointLamp(
        place=(0, 1, 0), intensity=(1, 2, 3)
    )


@pytest.mark.parametrize(
    ("kind", "keys", "message"),
    [
        (RectangleLamp, {"place": (0, 0, 0)}, "place and toward are the same point"),
        (RectangleLamp, {"place": (0, 1, 0), "size": (0.0, 1.0)}, "out of range"),
        (SphereLamp, {"place": (0, 1, 0), "radius": -1.0}, "out of range"),
        (SpotLamp, {"place": (0, 1, 0), "angle": 90.0}, "out of range"),
        (Sun, {"elevation": 91.0}, "out of range"),
        (PointLamp, {"place": (0, 1, 0), "intensity": -1.0}, "out of range"),
        (PointLamp, {"place": (0, 1, 0), "radiance": 1.0}, "unknown key 'radiance'"),
    ],
)
def test_values_out_of_range_are_refused(kind, keys, message):
    with pytest.raises(ValidationError, match=message):
        kind(**keys)


def test_irradiance_falls_with_the_square_of_the_distance():
    for lamp in (PointLamp(place=(0, 2, 0)), SphereLamp(place=(0, 2, 0), radius=0.1)):
        toward, near = irradiance(lamp, ORIGIN)
        _, far = irradiance(lamp, np.array([0.0, -2.0, 0.0]))
        assert toward.tolist() == [0, 1, 0]
        np.testing.assert_allclose(near / far, 4)
    assert irradiance(PointLamp(place=(0, 2, 0), intensity=8.0), ORIGIN)[1].tolist() == [2, 2, 2]


def test_a_rectangle_emits_from_its_front_alone():
    lamp = RectangleLamp(place=(0, 2, 0), toward=(0, 0, 0), size=(1, 2), radiance=4.0)
    np.testing.assert_allclose(irradiance(lamp, ORIGIN)[1], 4 * 2 / 4)
    assert not irradiance(lamp, np.array([0.0, 4.0, 0.0]))[1].any()
    aslant = irradiance(lamp, np.array([2.0, 0.0, 0.0]))[1]
    np.testing.assert_allclose(aslant, 4 * 2 * np.sqrt(0.5) / 8)


def test_a_spot_is_dark_outside_its_cone():
    lamp = SpotLamp(place=(0, 2, 0), angle=20.0)
    assert irradiance(lamp, ORIGIN)[1].all()
    assert not irradiance(lamp, np.array([2.0, 0.0, 0.0]))[1].any()


@pytest.mark.parametrize("lamp", ONE_OF_EACH, ids=lambda lamp: lamp.kind)
def test_a_stronger_lamp_differs_by_the_logarithm_of_the_ratio(lamp):
    found = lighting_difference(lamp, with_strength(lamp, 2 * strength(lamp)))
    assert found["rms_log_radiance"] == pytest.approx(np.log(2), rel=1e-3)
    assert found["dominant_angle"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("lamp", ONE_OF_EACH[:5], ids=lambda lamp: lamp.kind)
def test_a_turn_about_the_object_is_a_shift_and_an_angle(lamp):
    matrix = Rotation.from_euler("z", 30, degrees=True).as_matrix()
    moved = lamp.model_copy(update=rotated(lamp, matrix, ORIGIN))
    found = lighting_difference(lamp, moved)
    assert found["dominant_angle"] == pytest.approx(30, abs=1e-6)
    assert found["rms_log_radiance"] == pytest.approx(2 * np.sin(np.radians(15)))


def test_the_shift_of_a_sun_is_its_angle():
    found = lighting_difference(Sun(elevation=10.0), Sun(elevation=40.0))
    assert found == {
        "rms_log_radiance": pytest.approx(np.radians(30)),
        "dominant_angle": pytest.approx(30),
    }


@pytest.mark.parametrize(
    ("one", "two"),
    [
        # The light of both misses the object, or arrives there with the same irradiance.
        (
            RectangleLamp(place=(0, 3, 0), toward=(0, 9, 0), radiance=10.0),
            RectangleLamp(place=(0, 3, 0), toward=(0, 9, 0), radiance=(90.0, 0.0, 0.0)),
        ),
        (
            SphereLamp(place=(0, 3, 0), radius=0.1, radiance=900.0),
            SphereLamp(place=(0, 3, 0), radius=1.0, radiance=9.0),
        ),
        (PointLamp(place=(0, 4, 0), intensity=4.0), PointLamp(place=(0, 2, 0), intensity=1.0)),
    ],
)
def test_lamps_that_give_the_object_equal_light_still_differ(one, two):
    assert lighting_difference(one, two)["rms_log_radiance"] > 0.4
    assert lighting_difference(one, one)["rms_log_radiance"] == 0


def test_lamps_of_two_kinds_are_not_compared():
    with pytest.raises(InputError, match="lights of kind point and sun cannot be compared"):
        lighting_difference(PointLamp(place=(0, 1, 0)), Sun())


def test_a_lamp_above_the_object_is_turned_to_its_side():
    lamp = PointLamp(place=(0, 3, 0))
    found = lamp.model_copy(update=turned(lamp, (0, 0, 0), 60))
    assert lighting_difference(lamp, found)["dominant_angle"] == pytest.approx(60)
    sun = Sun(elevation=90.0)
    found = sun.model_copy(update=turned(sun, (0, 0, 0), 60))
    assert found.elevation == pytest.approx(30)


def test_a_positive_turn_moves_a_lamp_from_the_front_to_the_right():
    lamp = PointLamp(place=(1, 2, 4))
    np.testing.assert_allclose(turned(lamp, (1, 0, 1), 90)["place"], (4, 2, 1), atol=1e-12)
    sun = Sun(elevation=30.0, azimuth=10.0)
    keys = turned(sun, (0, 0, 0), 60)
    assert keys["azimuth"] == pytest.approx(70)
    assert keys["elevation"] == pytest.approx(30)


def test_sizes_are_set_and_read_by_kind():
    assert sizes(ONE_OF_EACH[0]).tolist() == [0.5, 0.4]
    assert sizes(ONE_OF_EACH[2]).tolist() == [0.25]
    assert sizes(ONE_OF_EACH[3]).size == 0
    assert with_sizes(ONE_OF_EACH[0], np.array([1.0, 2.0])) == {"size": (1, 2)}
    assert with_sizes(ONE_OF_EACH[1], np.array([3.0])) == {"radius": 3}


def test_lamps_move_around_the_object_and_change_by_ratios():
    ends = [
        Scene(name=f"s{n}", shape=Sphere(), lighting=lamp)
        for n, lamp in enumerate(
            (
                SphereLamp(place=(0, 0, 2), radius=0.1, radiance=1.0),
                SphereLamp(place=(8, 0, 0), radius=0.4, radiance=16.0),
            )
        )
    ]
    middle = between(*ends, 0.5, ["lighting"]).lighting
    np.testing.assert_allclose(middle.place, np.array([1, 0, 1]) * 4 / np.sqrt(2), atol=1e-9)
    assert middle.radius == pytest.approx(0.2)
    assert strength(middle) == pytest.approx([4, 4, 4], rel=1e-3)
    assert between(*ends, 1, ["lighting"]).lighting == ends[1].lighting


def test_a_lamp_on_the_other_side_does_not_pass_through_the_object():
    ends = [
        Scene(name="s", shape=Sphere(), lighting=PointLamp(place=(0, 0, z))) for z in (3.0, -3.0)
    ]
    for t in (0.25, 0.5, 0.75):
        place = between(*ends, t, ["lighting"]).lighting.place
        assert np.linalg.norm(place) == pytest.approx(3)


def test_a_sun_takes_the_shorter_way():
    ends = [
        Scene(name="s", shape=Sphere(), lighting=Sun(elevation=0.0, azimuth=a))
        for a in (350.0, 30.0)
    ]
    assert between(*ends, 0.5, ["lighting"]).lighting.azimuth == pytest.approx(10)

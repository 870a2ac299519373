"""Lamps: what they accept, and the light that arrives at a point."""

import numpy as np
import pytest
from pydantic import ValidationError

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
    seen_from,
    sizes,
    strength,
    turned,
    with_sizes,
    with_strength,
)
from scenes.lighting import solid_angles
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
def test_the_map_of_a_lamp_integrates_to_its_irradiance(lamp):
    pixels = seen_from(lamp, ORIGIN, 64).pixels.astype(np.float64)
    total = np.einsum("hw,hwc->c", solid_angles(64, 128), pixels)
    np.testing.assert_allclose(total, irradiance(lamp, ORIGIN)[1], rtol=1e-5)


@pytest.mark.parametrize("lamp", ONE_OF_EACH, ids=lambda lamp: lamp.kind)
def test_a_stronger_lamp_differs_by_the_logarithm_of_the_ratio(lamp):
    found = lighting_difference(lamp, with_strength(lamp, 2 * strength(lamp)))
    assert found["rms_log_radiance"] == pytest.approx(np.log(2), rel=0.02)
    assert found["dominant_angle"] == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("lamp", ONE_OF_EACH[2:4], ids=lambda lamp: lamp.kind)
def test_the_dominant_angle_is_that_of_the_lamps(lamp):
    tilt = np.radians(30)
    matrix = np.array(
        [[np.cos(tilt), -np.sin(tilt), 0], [np.sin(tilt), np.cos(tilt), 0], [0, 0, 1]]
    )
    moved = lamp.model_copy(update=rotated(lamp, matrix, ORIGIN))
    found = lighting_difference(lamp, moved)
    assert found["dominant_angle"] == pytest.approx(30, abs=0.1)
    less = lighting_difference(lamp, lamp.model_copy(update=rotated(lamp, np.eye(3), ORIGIN)))
    assert less["rms_log_radiance"] == pytest.approx(0, abs=1e-6)
    assert found["rms_log_radiance"] > 0.5


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


def test_lamps_are_interpolated_in_place_linearly_and_in_strength_by_ratios():
    ends = [
        Scene(name=f"s{n}", shape=Sphere(), lighting=lamp)
        for n, lamp in enumerate(
            (
                SphereLamp(place=(0, 3, 0), radius=0.1, radiance=1.0),
                SphereLamp(place=(2, 3, 0), radius=0.4, radiance=16.0),
            )
        )
    ]
    middle = between(*ends, 0.5, ["lighting"]).lighting
    assert middle.place == (1, 3, 0)
    assert middle.radius == pytest.approx(0.2)
    assert strength(middle) == pytest.approx([4, 4, 4], rel=1e-3)
    assert between(*ends, 1, ["lighting"]) == ends[0].model_copy(
        update={"lighting": ends[1].lighting}
    )


def test_the_azimuth_of_a_sun_takes_the_shorter_way():
    ends = [Scene(name="s", shape=Sphere(), lighting=Sun(azimuth=a)) for a in (350.0, 30.0)]
    assert between(*ends, 0.5, ["lighting"]).lighting.azimuth == pytest.approx(370)

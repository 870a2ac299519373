"""Luminance statistics, matching and quantisation, on cases that are worked out by hand."""

import numpy as np
import pytest

from scenes.film import Film, srgb_encode
from stimuli.encoding import (
    LightChange,
    LuminanceStatistics,
    changed_light,
    clipped_share,
    display_values,
    displayed_light,
    luminance_statistics,
    matching_change,
    quantised,
)


def test_luminance_and_contrast_of_half_black_half_white():
    light = np.zeros((2, 2, 3))
    light[0] = 1
    assert luminance_statistics(light) == LuminanceStatistics(
        0.5, 1.0
    )  # mean .5, standard deviation .5
    assert luminance_statistics(np.zeros((2, 2, 3))) == LuminanceStatistics(0.0, 0.0)
    green = np.zeros((1, 2, 3))
    green[0, :, 1] = 1
    assert luminance_statistics(green).luminance == pytest.approx(0.7152)


def test_matching_reaches_the_wanted_statistics(rng):
    light = rng.uniform(0.2, 0.4, (8, 8, 3))
    own, wanted = luminance_statistics(light), LuminanceStatistics(0.35, 0.2)
    both, clipped = changed_light(light, matching_change(own, wanted, with_contrast=True))
    assert clipped == 0
    assert luminance_statistics(both).luminance == pytest.approx(0.35)
    assert luminance_statistics(both).contrast == pytest.approx(0.2)
    one, _ = changed_light(light, matching_change(own, wanted, with_contrast=False))
    assert luminance_statistics(one).luminance == pytest.approx(0.35)
    assert luminance_statistics(one).contrast == pytest.approx(own.contrast)


def test_matching_an_image_to_itself_changes_nothing(rng):
    light = rng.uniform(0.0, 1.0, (4, 4, 3))
    change = matching_change(
        luminance_statistics(light), luminance_statistics(light), with_contrast=True
    )
    assert (change.gain, change.offset) == pytest.approx((1, 0), abs=1e-12)
    again, clipped = changed_light(light, change)
    assert clipped == 0
    assert np.allclose(again, light)


def test_pixels_pushed_out_of_range_are_counted():
    light = np.full((2, 2, 3), 0.5)
    light[0, 0, 2] = 0.6
    assert changed_light(light, LightChange(gain=1.8))[1] == 0.25
    assert changed_light(light, LightChange(gain=1, offset=-0.55))[1] == 1.0
    assert changed_light(light, LightChange(gain=2, offset=0))[0].max() == 1.0


def test_clipped_share_counts_pixels_not_channels():
    radiance = np.zeros((2, 2, 3))
    radiance[0, 0] = 3
    radiance[0, 1, 1] = 1.01
    assert clipped_share(radiance, Film(exposure=1.0)) == 0.5
    assert clipped_share(radiance, Film(exposure=0.5)) == 0.25
    assert clipped_share(radiance, Film(exposure=1.0, tone_curve="reinhard")) == 0.0


@pytest.mark.parametrize(("bits", "dtype", "top"), [(8, np.uint8, 255), (16, np.uint16, 65535)])
def test_stored_values_are_the_nearest_levels(bits, dtype, top):
    display = np.array([[[0, 1, 0.5], [0.499 / top, 0.501 / top, 1.5 / top + 1e-9]]])
    image = quantised(display, bits)
    assert image.dtype == dtype
    assert image.tolist() == [[[0, top, round(0.5 * top)], [0, 1, 2]]]
    assert display_values(image).dtype == np.float32
    assert np.array_equal(quantised(display_values(image), bits), image)


def test_displayed_light_follows_the_film():
    film = Film(exposure=2.0)
    radiance = np.array([[[0.0, 0.25, 5.0]]])
    assert np.allclose(displayed_light(radiance, film), [[[0, 0.5, 1]]])
    # IEC 61966-2-1: half of the light is display value .7354.
    assert quantised(srgb_encode(np.array([[[0.5]]])), 8).item() == round(0.73536 * 255)

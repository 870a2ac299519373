import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scenes.film import (
    LUMINANCE,
    Film,
    background_radiance,
    decode,
    encode,
    srgb_decode,
    srgb_encode,
)

FILMS = st.builds(
    Film, exposure=st.floats(1e-3, 1e3), tone_curve=st.sampled_from(["srgb", "reinhard"])
)


def test_luminance_is_that_of_the_primaries_and_the_white_of_rec_709():
    # The chromaticities of BT.709: the primaries' luminances add up to white's, D65 of Y = 1.
    primaries = np.array([[0.64, 0.33], [0.30, 0.60], [0.15, 0.06]])
    white = np.array([0.3127, 0.3290])
    tristimulus = np.array([[x / y, 1, (1 - x - y) / y] for x, y in (*primaries, white)])
    shares = np.linalg.solve(tristimulus[:3].T, tristimulus[3])
    np.testing.assert_allclose(LUMINANCE, shares, atol=1e-4)
    assert sum(LUMINANCE) == 1


def test_the_srgb_curve_has_the_values_of_its_standard():
    # IEC 61966-2-1: 12.92 x below 0.0031308, else 1.055 x^(1/2.4) − 0.055; by hand, 5 digits.
    linear = [0, 0.001, 0.0031308, 0.18, 0.5, 1]
    display = [0, 0.01292, 0.04045, 0.461356, 0.735357, 1]
    np.testing.assert_allclose(srgb_encode(linear), display, atol=1e-5)
    np.testing.assert_allclose(srgb_decode(display), linear, atol=1e-5)


def test_middle_grey_is_bit_188():
    assert round(255 * float(srgb_encode(0.5))) == 188


def test_exposure_and_clipping():
    film = Film(exposure=2.0)
    np.testing.assert_allclose(encode([-1, 0.25, 0.5, 7], film), [0, 0.735357, 1, 1], atol=1e-6)


def test_reinhard_compresses_before_the_curve():
    film = Film(exposure=3.0, tone_curve="reinhard")
    # 3 × 1/3 = 1 → 1/2; also nothing below zero, not even at the curve's pole.
    np.testing.assert_allclose(encode([1 / 3, -1 / 3], film), [0.735357, 0], atol=1e-6)


@given(film=FILMS, display=st.floats(0, 1 - 1e-6))
def test_decode_inverts_encode(film, display):
    assert encode(decode(display, film), film) == pytest.approx(display, abs=1e-6)


@given(film=FILMS, low=st.floats(0, 1e3), step=st.floats(0, 1e3))
def test_brighter_is_never_shown_darker(film, low, step):
    assert encode(low + step, film) >= encode(low, film)


def test_float32_stays_float32():
    assert encode(np.ones(3, np.float32), Film(exposure=1.0)).dtype == np.float32
    assert encode(np.ones(3, int), Film(exposure=1.0)).dtype == np.float64


@given(film=FILMS, grey=st.floats(0, 0.99))
def test_the_background_is_shown_as_its_grey(film, grey):
    film = film.model_copy(update={"background": grey})
    assert encode(background_radiance(film), film) == pytest.approx(grey, abs=1e-6)


def test_display_white_under_reinhard_is_infinite():
    assert decode(1.0, Film(exposure=1.0, tone_curve="reinhard")) == np.inf


def test_an_undecided_exposure_or_background_has_no_numbers():
    with pytest.raises(ValueError, match="still 'auto'"):
        encode(1.0, Film())
    with pytest.raises(ValueError, match="no single radiance"):
        background_radiance(Film(exposure=1.0, background="environment"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"exposure": 0}, "0 is out of range; allowed: above 0, up to 1e\\+06"),
        ({"background": 1.5}, "1.5 is out of range; allowed: 0 to 1"),
        ({"background": "envirnment"}, "use a number or auto or environment"),
        ({"background": 1, "tone_curve": "reinhard"}, "0 to below 1"),
        ({"tone_curve": "srbg"}, "did you mean 'srgb'"),
    ],
)
def test_an_impossible_film_is_refused(changes, message):
    with pytest.raises(ValidationError, match=message):
        Film(**changes)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.lighting import (
    Constant,
    EnvironmentMap,
    SunSky,
    direction,
    map_directions,
    radiance_over_sphere,
    solid_angles,
)


def one_pixel(row, column, shape=(9, 16), value=1.0):
    pixels = np.zeros((*shape, 3))
    pixels[row, column] = value
    return Picture(pixels)


@pytest.mark.parametrize(
    ("u", "v", "expected"),
    [
        (0.0, 0.5, (0, 0, -1)),  # left edge: behind
        (0.25, 0.5, (1, 0, 0)),  # right
        (0.5, 0.5, (0, 0, 1)),  # middle: in front
        (0.75, 0.5, (-1, 0, 0)),  # left
        (0.3, 0.0, (0, 1, 0)),  # top row: above
        (0.3, 1.0, (0, -1, 0)),
    ],
)
def test_places_on_a_map_have_the_documented_directions(u, v, expected):
    np.testing.assert_allclose(direction(u, v), expected, atol=1e-12)


def looked_up(mi, lighting, directions):
    """Ask the renderer for the light from each direction."""
    import drjit as dr

    emitter = mi.load_dict(
        {
            "type": "envmap",
            "bitmap": mi.Bitmap(np.array(lighting.radiance.pixels)),
            "scale": lighting.level,
            "to_world": mi.ScalarTransform4f().rotate([0, 1, 0], lighting.rotation),
        }
    )
    flat = directions.reshape(-1, 3).astype(np.float32)
    interaction = dr.zeros(mi.SurfaceInteraction3f, len(flat))
    interaction.wi = mi.Vector3f(*(mi.Float(-flat[:, axis]) for axis in range(3)))
    return np.array(emitter.eval(interaction)).T.reshape(directions.shape)


def test_the_renderer_agrees_on_the_direction_of_every_pixel(mi, rng):
    pixels = rng.random((8, 16, 3), np.float32)
    light = EnvironmentMap(radiance=Picture(pixels))
    # The poles themselves are one direction for many columns.
    seen = looked_up(mi, light, map_directions(8, 16))[1:-1]
    np.testing.assert_allclose(seen, pixels[1:-1], atol=1e-5)


@pytest.mark.parametrize("rotation", [0.0, 90.0, -37.0, 400.0])
def test_the_renderer_turns_and_scales_a_map_alike(mi, rng, rotation):
    light = EnvironmentMap(radiance=Picture(rng.random((8, 16, 3))), rotation=rotation, level=2.5)
    # A finer map than the source: exact interpolation.
    ours = radiance_over_sphere(light, 15).pixels
    seen = looked_up(mi, light, map_directions(15, 30))
    np.testing.assert_allclose(ours[1:-1], seen[1:-1], atol=1e-4)


def test_a_turn_by_90_degrees_carries_the_front_to_the_right():
    # A light in the two middle columns is directly in front.
    front = one_pixel(4, slice(7, 9))
    turned = radiance_over_sphere(EnvironmentMap(radiance=front, rotation=90), 9).pixels[..., 0]
    mean = np.einsum("hw,hwd->d", turned, map_directions(9, 18))
    np.testing.assert_allclose(mean / np.linalg.norm(mean), (1, 0, 0), atol=1e-6)


def test_a_map_sampled_at_its_own_size_is_unchanged(rng):
    pixels = rng.random((9, 18, 3), np.float32)
    ours = radiance_over_sphere(EnvironmentMap(radiance=Picture(pixels)), 9).pixels
    np.testing.assert_allclose(ours, pixels, atol=1e-6)


@pytest.mark.parametrize(("height", "width"), [(3, 2), (8, 16), (64, 128)])
def test_solid_angles_fill_the_sphere_and_integrate_interpolated_maps(height, width):
    angles = solid_angles(height, width)
    assert angles.sum() == pytest.approx(4 * np.pi)
    # Radiance θ, linear between rows, is interpolated exactly: ∫ θ dω = 2π ∫ θ sin θ dθ = 2π².
    theta = np.linspace(0, np.pi, height)[:, None]
    assert np.sum(angles * theta) == pytest.approx(2 * np.pi**2)


@given(level=st.floats(0, 10), rotation=st.floats(-720, 720), grey=st.floats(0, 10))
def test_an_even_map_is_a_constant_light(level, rotation, grey):
    light = EnvironmentMap(
        radiance=Picture(np.full((12, 20, 3), grey)), level=level, rotation=rotation
    )
    even = Constant(radiance=(grey,) * 3, level=level, rotation=rotation)
    np.testing.assert_allclose(
        radiance_over_sphere(light, 8).pixels, radiance_over_sphere(even, 8).pixels, rtol=1e-5
    )


@given(column=st.integers(0, 511), row=st.integers(1, 254))
def test_no_small_light_is_missed_in_a_coarse_map(row, column):
    light = EnvironmentMap(radiance=one_pixel(row, column, (256, 512), 1e4))
    coarse = radiance_over_sphere(light, 16).pixels[..., 0]
    power = np.sum(coarse * solid_angles(16, 32))
    expected = 1e4 * solid_angles(256, 512)[row, column]
    # Averages are taken for each coarse pixel, so power is kept up to the shape of its kernel.
    assert power == pytest.approx(expected, rel=0.25)


def test_one_number_is_grey_light():
    assert Constant(radiance=2).radiance == (2, 2, 2)


def test_negative_radiance_is_refused_with_its_count():
    with pytest.raises(
        ValidationError, match=r"3 of 432 radiance values are negative \(down to -2\)"
    ):
        EnvironmentMap(radiance=one_pixel(1, 1, value=-2.0))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Constant(radiance=(1, -1, 1)), "-1 is out of range"),
        (lambda: Constant(level=-1), "-1 is out of range"),
        (lambda: EnvironmentMap(radiance=3), "use the name of a library light, or a file"),
        (
            lambda: EnvironmentMap(radiance=Picture(np.ones((4, 8)))),
            "an environment map needs 3 ch",
        ),
        (lambda: EnvironmentMap(radiance=Picture(np.ones((2, 8, 3)))), "at least 3 rows"),
        (lambda: EnvironmentMap(radiance="studio", repair="clop"), "did you mean 'clip'"),
        (lambda: SunSky(turbidity=11), "11 is out of range; allowed: 1 to 10"),
        (lambda: SunSky(sun_elevation=-5), "-5 is out of range; allowed: 0 to 90"),
    ],
)
def test_an_impossible_light_is_refused(make, message):
    with pytest.raises(ValidationError, match=message):
        make()


def test_lights_without_a_map_are_refused():
    with pytest.raises(InputError, match="convert them to an environment map first"):
        radiance_over_sphere(SunSky())
    with pytest.raises(InputError, match="the map 'studio' is not loaded"):
        radiance_over_sphere(EnvironmentMap(radiance="studio"))

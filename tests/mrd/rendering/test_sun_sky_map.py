"""The map of a sun and sky: radiance, direction of the sun, and derivatives."""

import numpy as np
import pytest
import torch

from mrd.rendering.representation import as_map
from mrd.rendering.sun_sky_map import baked, parts
from mrd.rendering.to_mitsuba import light_key
from mrd.search.variables.sky import BOUNDS, SkyVariables
from scenes.lighting import Constant, SunSky, map_directions, solid_angles

NOON = SunSky(sun_elevation=50, sun_azimuth=70, turbidity=4, level=0.1)
HEIGHT = 16
PARAMETERS = tuple(BOUNDS)


def light_of(pixels):
    """Return the radiance integrated over the sphere, (3,)."""
    return np.einsum("hw,hwc->c", solid_angles(*pixels.shape[:2]), pixels)


def searched(small, sky=NOON, parameters=PARAMETERS):
    return SkyVariables(small(lighting=as_map(sky, HEIGHT)), sky, parameters)


@pytest.mark.parametrize(("elevation", "azimuth"), [(50, 70), (5, -120), (89, 0), (30, 180)])
def test_sun_is_at_its_direction(elevation, azimuth):
    sky = NOON.model_copy(update={"sun_elevation": elevation, "sun_azimuth": azimuth})
    sun, _ = parts(sky, 65)
    weights = solid_angles(65, 130)[:, :, None] * sun
    found = np.einsum("hwc,hwd->d", weights, map_directions(65, 130))
    found /= np.linalg.norm(found)
    e, a = np.radians([elevation, azimuth])
    expected = [np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)]
    assert np.degrees(np.arccos(found @ expected)) < 0.5
    # Four pixels, of 2.8 degrees.
    assert np.count_nonzero(sun.sum(axis=2)) <= 4


def test_irradiance_of_the_sun_does_not_depend_on_its_direction():
    lights = [
        light_of(parts(NOON.model_copy(update={"sun_azimuth": azimuth}), HEIGHT)[0])
        for azimuth in np.linspace(0, 30, 13)
    ]
    np.testing.assert_allclose(lights, np.broadcast_to(lights[0], (13, 3)), rtol=1e-3)


@pytest.mark.parametrize("height", [8, 16, 64, 257])
def test_every_size_of_map_has_the_same_light(height):
    np.testing.assert_allclose(
        light_of(baked(NOON, height).radiance.pixels),
        light_of(baked(NOON, 129).radiance.pixels),
        rtol=0.02,
    )


def test_level_scales_and_rotation_are_in_the_map():
    sun, sky = parts(NOON, HEIGHT)
    changed = NOON.model_copy(update={"sun_scale": 3.0, "sky_scale": 0.5, "level": 0.2})
    found = baked(changed, HEIGHT).radiance.pixels
    np.testing.assert_allclose(found, 2 * (3 * sun + 0.5 * sky), rtol=1e-5, atol=1e-7)
    # Two columns of 11.25 degrees: front to right is toward larger columns.
    turned = baked(NOON.model_copy(update={"rotation": 22.5}), HEIGHT).radiance.pixels
    expected = baked(NOON.model_copy(update={"sun_azimuth": 92.5}), HEIGHT).radiance.pixels
    np.testing.assert_allclose(turned, expected, rtol=0.01, atol=1e-3 * expected.max())


# ---- Variables ----------------------------------------------------------------------------------


def test_variables_start_at_the_map_of_the_start(small):
    start = small(lighting=as_map(NOON, HEIGHT))
    placed = searched(small).apply_to(start).lighting
    np.testing.assert_allclose(
        placed.radiance.pixels, start.lighting.radiance.pixels, rtol=1e-3, atol=1e-6
    )
    sky = searched(small).sky()
    for name in PARAMETERS:
        assert getattr(sky, name) == pytest.approx(getattr(NOON, name), rel=1e-5)


def test_values_for_mitsuba_are_those_of_the_result(small):
    variables = searched(small)
    with torch.no_grad():
        variables.tensors["sun_azimuth"].add_(0.3)
    placed = variables.apply_to(small()).lighting
    (found,) = variables.values().values()
    assert set(variables.values()) == {light_key(placed)}
    np.testing.assert_array_equal(found[:, 1:-1].detach(), placed.radiance.pixels)
    np.testing.assert_array_equal(found[:, [0, -1]].detach(), placed.radiance.pixels[:, [-1, 0]])


@pytest.mark.parametrize("name", PARAMETERS)
def test_the_derivative_of_the_map_is_its_finite_difference(small, name, rng):
    """Compare with a step of another length than in the code."""
    variables = searched(small, parameters=(name,))
    height, width = HEIGHT, 2 * HEIGHT + 2
    # Smooth weights: along a pixel's kernel the map is a broken line.
    directions = map_directions(height, width)
    weights = torch.tensor(directions @ rng.normal(size=(3, 3)) + 1.0, dtype=torch.float32)

    def functional():
        (pixels,) = variables.values().values()
        return (pixels * weights).sum()

    functional().backward()
    tensor, step = variables.tensors[name], 0.004
    sides = []
    for sign in (1, -1):
        with torch.no_grad():
            tensor.add_(sign * step)
            sides.append(float(functional()))
            tensor.sub_(sign * step)
    expected = (sides[0] - sides[1]) / (2 * step)
    scale = float(functional().detach())
    assert float(tensor.grad) == pytest.approx(expected, rel=0.03, abs=1e-3 * scale)


def test_parameters_stay_in_bounds(small):
    variables = searched(small)
    for far in (-99.0, 99.0):
        with torch.no_grad():
            for tensor in variables.tensors.values():
                tensor.fill_(far)
        variables.keep_in_bounds()
        sky = variables.sky()
        SunSky(**sky.model_dump())  # still valid
        assert 1 <= sky.sun_elevation <= 90.001


def test_unsearched_parameters_do_not_change(small):
    variables = searched(small, parameters=("sun_azimuth",))
    with torch.no_grad():
        variables.tensors["sun_azimuth"].add_(1.0)
    sky = variables.sky()
    assert sky.sun_azimuth == pytest.approx(NOON.sun_azimuth + np.degrees(1))
    assert sky.model_copy(update={"sun_azimuth": NOON.sun_azimuth}) == NOON


def test_a_light_other_than_a_map_is_refused(small):
    with pytest.raises(TypeError, match="'constant' is no map of a sky"):
        SkyVariables(small(lighting=Constant()), NOON, PARAMETERS)

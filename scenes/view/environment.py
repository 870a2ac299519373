"""The light of the environment on a page: a map of the whole sphere, and a sun."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.lamps import Sun
from scenes.lighting import Constant, Lighting, SunSky, map_directions
from scenes.lighting import radiance_over_sphere as as_map
from scenes.view.buffers import Buffers

ROWS = 128  # of a map
FEWEST_ROWS = 32  # of a constant light; three.js filters no smaller maps

# Mitsuba's sun and sky at turbidity 3 (measured): elevation of the sun in degrees, irradiance on a
# surface that faces it, radiance of the zenith and of the horizon. The page has no renderer that
# could compute them.
DAYLIGHT = np.array(
    [
        [0, 0.00, 0.00, 0.00, 0.004, 0.007, 0.012, 0.060, 0.048, 0.026],
        [5, 0.64, 0.29, 0.04, 0.007, 0.012, 0.018, 0.102, 0.083, 0.044],
        [15, 1.18, 0.81, 0.39, 0.010, 0.021, 0.039, 0.141, 0.153, 0.127],
        [30, 1.39, 1.10, 0.73, 0.016, 0.031, 0.062, 0.133, 0.173, 0.191],
        [45, 1.47, 1.21, 0.89, 0.022, 0.040, 0.082, 0.124, 0.172, 0.217],
        [60, 1.50, 1.26, 0.97, 0.033, 0.053, 0.102, 0.119, 0.167, 0.225],
        [90, 1.52, 1.29, 1.02, 0.152, 0.149, 0.175, 0.120, 0.177, 0.215],
    ]
)


def environment(lights: Sequence[Lighting], buffers: Buffers) -> dict[str, Any]:
    """Return the record of the light around a scene: one map, and a sun for each sky."""
    pixels = radiance_map(lights)
    height, width, _ = pixels.shape
    suns = [_sun(each) for each in lights if isinstance(each, SunSky)]
    return {"height": height, "width": width, "pixels": buffers.halves(pixels), "suns": suns}


def radiance_map(lights: Sequence[Lighting]) -> NDArray[np.floating]:
    """Return the radiance (H, 2 H, 3) of loaded lights together; of a sky, an approximation."""
    is_even = all(isinstance(each, Constant) for each in lights)
    rows = FEWEST_ROWS if is_even else ROWS
    total = np.zeros((rows, 2 * rows, 3))
    for each in lights:
        total += _sky(each) if isinstance(each, SunSky) else as_map(each, rows).pixels
    return total


def _sun(lighting: SunSky) -> dict[str, Any]:
    """Return direction and irradiance of the sun of a sky."""
    sun = Sun(elevation=lighting.sun_elevation, azimuth=lighting.sun_azimuth + lighting.rotation)
    strength = lighting.level * lighting.sun_scale * _daylight(lighting)[:3]
    return {"direction": sun.direction().tolist(), "strength": strength.tolist()}


def _sky(lighting: SunSky) -> NDArray[np.float64]:
    """Return a sky that is brightest at the horizon, and black below it."""
    height = map_directions(ROWS, 2 * ROWS)[:, :, 1:2]
    _, zenith, horizon = np.split(_daylight(lighting), 3)
    share = 1 - np.clip(height, 0, 1)
    radiance = np.where(height < 0, 0, zenith + (horizon - zenith) * share)
    return lighting.level * lighting.sky_scale * radiance


def _daylight(lighting: SunSky) -> NDArray[np.float64]:
    """Return the row of `DAYLIGHT` for an elevation of the sun, without the elevation."""
    columns = DAYLIGHT[:, 1:].T
    return np.array([np.interp(lighting.sun_elevation, DAYLIGHT[:, 0], each) for each in columns])

"""Sun and sky as an environment map that varies smoothly with their parameters.

Mitsuba's derivatives of its own sun and sky disagree with finite differences of renders: albedo
agrees, the sun's direction is biased (×0.7; wrong sign for the sky alone), turbidity is wrong, and
scales have none. So searches replace them by a map. The sky is evaluated on a fine grid and
averaged; the sun, a disk of half a degree, is integrated on rings and added as a point of light.
Neither has Monte Carlo noise, so central differences of the *map* give its derivatives; Mitsuba's
derivative of an image by the map's pixels agrees with finite differences.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import drjit as dr
import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from mrd.rendering.to_mitsuba import light
from scenes.arrays import Picture
from scenes.lighting import (
    EnvironmentMap,
    SunSky,
    map_directions,
    radiance_over_sphere,
    solid_angles,
    sun_direction,
)

Array = NDArray[np.float64]

FINENESS = 4  # rows of the grid on which the sky is evaluated, for each row of the map
LEAST_ROWS = 65  # least number of rows of that grid
SUN_RADIUS = np.radians(0.5358 / 2)  # of Mitsuba's sun
SUN_RINGS, SUN_SPOKES = 6, 12


def baked(lighting: SunSky, height: int) -> EnvironmentMap:
    """Return a sun and sky as an environment map of `height` rows, including rotation and level."""
    sun, sky = parts(lighting, height)
    radiance = lighting.sun_scale * sun + lighting.sky_scale * sky
    return EnvironmentMap(radiance=Picture(radiance.astype(np.float32)))


def parts(lighting: SunSky, height: int) -> tuple[Array, Array]:
    """Return the radiance (height, 2 height, 3) of the sun and of the sky, each at scale 1."""
    return _sun(lighting, height), _sky(lighting, height)


def _sky(lighting: SunSky, height: int) -> Array:
    rows = max(LEAST_ROWS, FINENESS * (height - 1) + 1)
    alone = lighting.model_copy(update={"sun_scale": 0.0, "sky_scale": 1.0})
    fine = Picture(_radiance(alone, map_directions(rows, 2 * rows)).astype(np.float32))
    averaged = radiance_over_sphere(EnvironmentMap(radiance=fine), height)
    return averaged.pixels.astype(np.float64)


def _sun(lighting: SunSky, height: int) -> Array:
    """Return the map of the sun alone, spread over the four pixels around its direction."""
    toward = np.array(sun_direction(lighting))
    theta, phi = np.arccos(np.clip(toward[1], -1, 1)), np.arctan2(toward[0], -toward[2])
    row, column = theta / np.pi * (height - 1), phi / np.pi * height - 0.5
    top, left = min(int(row), height - 2), int(np.floor(column))
    down, right = row - top, column - left
    shares = np.zeros((height, 2 * height))
    for i, vertical in ((top, 1 - down), (top + 1, down)):
        for j, horizontal in ((left, 1 - right), (left + 1, right)):
            shares[i, j % (2 * height)] += vertical * horizontal
    return (shares / solid_angles(height, 2 * height))[:, :, None] * _irradiance(lighting, toward)


def _irradiance(lighting: SunSky, toward: Array) -> Array:
    """Return the irradiance (3,) of the sun at scale 1 on a surface that faces it."""
    alone = lighting.model_copy(update={"sun_scale": 1.0, "sky_scale": 0.0})
    right = np.cross(toward, np.eye(3)[np.abs(toward).argmin()])
    right /= np.linalg.norm(right)
    # The sun is sampled on rings about its centre, none on its edge (Gauss–Legendre in 1 − cos θ,
    # which is proportional to solid angle). On a square grid, part of the sun would appear or
    # vanish with every small move.
    nodes, shares = np.polynomial.legendre.leggauss(SUN_RINGS)
    away = np.arccos(1 - (1 - np.cos(SUN_RADIUS)) * (nodes + 1) / 2)[:, None, None]
    around = (2 * np.pi * np.arange(SUN_SPOKES) / SUN_SPOKES)[None, :, None]
    side = np.cos(around) * right + np.sin(around) * np.cross(toward, right)
    rings = _radiance(alone, np.cos(away) * toward + np.sin(away) * side).mean(axis=1)
    total: Array = np.pi * (1 - np.cos(SUN_RADIUS)) * (shares @ rings)
    return total


def _radiance(lighting: SunSky, directions: Array) -> Array:
    """Return the radiance (..., 3) of Mitsuba's sun and sky in directions (..., 3)."""
    emitter = mi.load_dict(light(lighting))
    interaction = dr.zeros(mi.SurfaceInteraction3f, directions.size // 3)
    interaction.wi = mi.Vector3f(-directions.reshape(-1, 3).T.astype(np.float32))
    return np.array(emitter.eval(interaction)).T.reshape(directions.shape).astype(np.float64)

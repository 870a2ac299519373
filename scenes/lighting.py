"""Lighting: constant, an environment map, or sun and sky.

A map is equirectangular, in the default orientation of Mitsuba's `envmap`. Row i of H is at polar
angle θ = π i/(H − 1) from +y, so the first and last rows are the poles; column j of W is at azimuth
φ = 2π (j + ½)/W. Light comes from the direction (sin φ sin θ, cos θ, −cos φ sin θ): the centre
column is in front (+z), the first column behind (−z), the column at a quarter of the width to the
right (+x). Between samples, radiance is interpolated linearly, periodic in φ.

A rotation about +y (right-handed) moves light from the front (+z) toward the right (+x).
"""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, Tag, field_validator, model_validator

from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.base.frozen import Frozen, Number, between, by_type

Level = Annotated[float, between(0, 1e9)]
RGB = tuple[Level, Level, Level]


class Constant(Frozen):
    """The same radiance from all directions.

    Parameters
    ----------
    radiance
        Linear Rec. 709, each 0 to 1e9; a single number is used for all three channels.
    rotation
        Degrees about +y; it has no effect on a constant light.
    level
        Factor on radiance, 0 to 1e9.
    """

    kind: Literal["constant"] = "constant"
    radiance: RGB = (1.0, 1.0, 1.0)
    rotation: Number = 0.0
    level: Level = 1.0

    @field_validator("radiance", mode="before")
    @classmethod
    def _grey(cls, value: Any) -> Any:
        return (value,) * 3 if isinstance(value, int | float) else value


class EnvironmentMap(Frozen):
    """Radiance from a picture of the whole sphere; its orientation is that of Mitsuba's `envmap`.

    Parameters
    ----------
    radiance
        Name of a library light (``studio``, ``forest``, ``venice``, ``lobby``), a file, or a
        `Picture` with 3 channels, at least 3 rows and 2 columns.
    rotation
        Degrees about +y.
    level
        Factor on radiance, 0 to 1e9.
    repair
        ``"clip"``: negative radiance and NaN become 0, infinite radiance the largest finite value.
        Without it, such maps are refused.
    repaired
        Number of values that `repair` changed; set when the map is loaded.
    """

    kind: Literal["map"] = "map"
    radiance: Annotated[
        Annotated[str, Tag("file")] | Annotated[Picture, Tag("picture")],
        by_type("use the name of a library light, or a file", picture=Picture, file=str),
    ]
    rotation: Number = 0.0
    level: Level = 1.0
    repair: Literal["clip"] | None = None
    repaired: Annotated[int, between(0, 2**53)] = 0

    @model_validator(mode="after")
    def _radiance_is_light(self) -> "EnvironmentMap":
        if isinstance(self.radiance, str):
            return self
        pixels = self.radiance.pixels
        if self.radiance.channels != 3 or pixels.shape[0] < 3 or pixels.shape[1] < 2:
            raise ValueError(
                "an environment map needs 3 channels, at least 3 rows and 2 columns; this one has "
                f"shape {pixels.shape}"
            )
        negative = int(np.count_nonzero(pixels < 0))
        if negative:
            raise ValueError(
                f"{negative} of {pixels.size} radiance values are negative (down to "
                f"{float(pixels.min()):g}); correct them, or load the file with repair: clip"
            )
        return self


class SunSky(Frozen):
    """Daylight: a sun disk and a clear sky (Mitsuba's `sunsky`, Hosek & Wilkie 2012, 2013).

    Parameters
    ----------
    sun_elevation
        Degrees above the horizon, 0 to 90.
    sun_azimuth
        Degrees from +z (in front) toward +x (right).
    turbidity
        Haze: 1 (clear) to 10.
    albedo
        Of the ground, 0 to 1.
    sun_scale
        Factor on the sun's radiance, 0 to 1e9.
    sky_scale
        Factor on the sky's radiance, 0 to 1e9.
    rotation
        Degrees about +y; turns sun and sky together.
    level
        Factor on radiance, 0 to 1e9.
    """

    kind: Literal["sun_sky"] = "sun_sky"
    sun_elevation: Annotated[float, between(0, 90)] = 45.0
    sun_azimuth: Number = 0.0
    turbidity: Annotated[float, between(1, 10)] = 3.0
    albedo: Annotated[float, between(0, 1)] = 0.3
    sun_scale: Level = 1.0
    sky_scale: Level = 1.0
    rotation: Number = 0.0
    level: Level = 1.0


Lighting = Annotated[Constant | EnvironmentMap | SunSky, Field(discriminator="kind")]


def sun_direction(lighting: SunSky) -> list[float]:
    """Return the unit vector to the sun, in world coordinates, after the light's rotation."""
    e, a = np.radians([lighting.sun_elevation, lighting.sun_azimuth + lighting.rotation])
    return [float(np.cos(e) * np.sin(a)), float(np.sin(e)), float(np.cos(e) * np.cos(a))]


def direction(u: ArrayLike, v: ArrayLike) -> NDArray[np.float64]:
    """Return unit vectors (..., 3) toward the light at map coordinates, from 0 to 1.

    u is from the left, v from the top (+y).
    """
    phi, theta = 2 * np.pi * np.asarray(u, np.float64), np.pi * np.asarray(v, np.float64)
    return np.stack(
        [np.sin(phi) * np.sin(theta), np.cos(theta), -np.cos(phi) * np.sin(theta)], axis=-1
    )


def map_directions(height: int, width: int) -> NDArray[np.float64]:
    """Return the direction (height, width, 3) of every pixel of an unrotated map."""
    v, u = np.meshgrid(
        np.arange(height) / (height - 1), (np.arange(width) + 0.5) / width, indexing="ij"
    )
    return direction(u, v)


def solid_angles(height: int, width: int) -> NDArray[np.float64]:
    """Return the solid angle (height, width) of each pixel of a map in steradians, 4π in total."""
    step = np.pi / (height - 1)
    theta = step * np.arange(height)
    # ∫ (1 − |t|/step) sin(θ + t) dt over the triangular kernel, and over half of it at a pole.
    rows = np.sin(theta) * 2 * (1 - np.cos(step)) / step
    rows[[0, -1]] = 1 - np.sin(step) / step
    return np.repeat(rows[:, None] * (2 * np.pi / width), width, axis=1)


def radiance_over_sphere(lighting: Lighting, height: int = 64) -> Picture:
    """Return a light, with level and rotation, as a map of radiance (height, 2·height, 3)."""
    match lighting:
        case Constant():
            color = np.multiply(lighting.radiance, lighting.level)
            return Picture(np.broadcast_to(color, (height, 2 * height, 3)))
        case EnvironmentMap(radiance=Picture(pixels=pixels)):
            # A finer source is averaged, so that no small light is missed.
            rows = _row_weights(pixels.shape[0], height)
            columns = _column_weights(pixels.shape[1], 2 * height, lighting.rotation / 360)
            values = np.einsum("ai,ijc,bj->abc", rows, pixels, columns, optimize=True)
            return Picture(lighting.level * values)
        case EnvironmentMap():
            raise InputError(f"the map '{lighting.radiance}' is not loaded; call Scene.loaded()")
        case SunSky():
            raise InputError(
                "sun and sky have no map; convert them to an environment map first, or compare "
                "scenes with constant or map lighting"
            )


def _row_weights(source: int, result: int) -> NDArray[np.float64]:
    """Return weights (result, source) that resample the rows of a map."""
    at = np.linspace(0, source - 1, result)[:, None]
    nodes = np.arange(source)[None, :]
    width = max(1.0, (source - 1) / (result - 1))
    weights = np.maximum(0, 1 - np.abs(at - nodes) / width)
    if width > 1:
        weights = weights * solid_angles(source, 1)[:, 0]
    return weights / weights.sum(axis=1, keepdims=True)


def _column_weights(source: int, result: int, turns: float) -> NDArray[np.float64]:
    # World azimuth φ shows the unrotated map at φ + rotation.
    """Return weights (result, source) that resample the columns of a map, rotated by `turns`."""
    at = (((np.arange(result) + 0.5) / result + turns) * source - 0.5)[:, None]
    apart = np.mod(at - np.arange(source)[None, :] + source / 2, source) - source / 2
    weights = np.maximum(0, 1 - np.abs(apart) / max(1.0, source / result))
    return weights / weights.sum(axis=1, keepdims=True)

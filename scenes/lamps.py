"""Lamps: lights at a place in the scene, and the sun, beside the light of the environment.

Radiance is linear Rec. 709, in the same units as that of the environment. A distance d from a point
lamp of intensity I, the irradiance on a surface that faces it is I/d²; a rectangle of area A and
radiance L has about the same effect as a point of intensity L A, seen from its front and from afar.
"""

from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator

from scenes.base.frozen import Frozen, Number, Triple, between

Level = Annotated[float, between(0, 1e9)]
RGB = tuple[Level, Level, Level]
Length = Annotated[float, between(0, 1000, above_low=True)]


class _Lamp(Frozen):
    """The keys that all lamps have."""

    level: Level = 1.0

    @field_validator("radiance", "intensity", "irradiance", mode="before", check_fields=False)
    @classmethod
    def _grey(cls, value: Any) -> Any:
        return (value,) * 3 if isinstance(value, int | float) else value

    @model_validator(mode="after")
    def _faces_somewhere(self) -> "_Lamp":
        toward = getattr(self, "toward", None)
        if toward is not None and toward == getattr(self, "place", None):
            raise ValueError("place and toward are the same point; give another toward")
        return self


class RectangleLamp(_Lamp):
    """A rectangle that emits from its front; visible, as all area lamps are.

    Parameters
    ----------
    place
        Its centre, in scene units.
    toward
        Point that its front faces.
    size
        Width and height, scene units, above 0 up to 1000.
    radiance
        Three numbers, or one for grey, 0 to 1e9.
    level
        Factor on radiance, 0 to 1e9.
    """

    kind: Literal["rectangle"] = "rectangle"
    place: Triple
    toward: Triple = (0.0, 0.0, 0.0)
    size: tuple[Length, Length] = (1.0, 1.0)
    radiance: RGB = (10.0, 10.0, 10.0)


class DiscLamp(_Lamp):
    """A disc that emits from its front.

    Parameters
    ----------
    place, toward, radiance, level
        As for a rectangle.
    radius
        In scene units, above 0 up to 1000.
    """

    kind: Literal["disc"] = "disc"
    place: Triple
    toward: Triple = (0.0, 0.0, 0.0)
    radius: Length = 0.5
    radiance: RGB = (10.0, 10.0, 10.0)


class SphereLamp(_Lamp):
    """A ball that emits in all directions.

    Parameters
    ----------
    place, radiance, level
        As for a rectangle.
    radius
        In scene units, above 0 up to 1000.
    """

    kind: Literal["sphere"] = "sphere"
    place: Triple
    radius: Length = 0.25
    radiance: RGB = (10.0, 10.0, 10.0)


class PointLamp(_Lamp):
    """A point that emits equally in all directions; its shadows have hard edges.

    Parameters
    ----------
    place
        In scene units.
    intensity
        Power per solid angle: three numbers, or one for grey, 0 to 1e9.
    level
        Factor on intensity, 0 to 1e9.
    """

    kind: Literal["point"] = "point"
    place: Triple
    intensity: RGB = (10.0, 10.0, 10.0)


class SpotLamp(_Lamp):
    """A point that emits into a cone.

    Parameters
    ----------
    place, intensity, level
        As for a point.
    toward
        Point in the middle of the cone.
    angle
        Half of the opening angle in degrees, above 0 up to 89; the light falls to 0 from three
        quarters of it.
    """

    kind: Literal["spot"] = "spot"
    place: Triple
    toward: Triple = (0.0, 0.0, 0.0)
    angle: Annotated[float, between(0, 89, above_low=True)] = 30.0
    intensity: RGB = (10.0, 10.0, 10.0)


class Sun(_Lamp):
    """Parallel light from one direction, without a sky; its shadows have hard edges.

    Parameters
    ----------
    elevation
        Degrees above the horizon, −90 to 90.
    azimuth
        Degrees from +z (in front) toward +x (right).
    irradiance
        On a surface that faces it: three numbers, or one for grey, 0 to 1e9.
    level
        Factor on irradiance, 0 to 1e9.
    """

    kind: Literal["sun"] = "sun"
    elevation: Annotated[float, between(-90, 90)] = 45.0
    azimuth: Number = 0.0
    irradiance: RGB = (3.0, 3.0, 3.0)

    def direction(self) -> NDArray[np.float64]:
        """Return the unit vector (3,) toward the sun."""
        e, a = np.radians([self.elevation, self.azimuth])
        return np.array([np.cos(e) * np.sin(a), np.sin(e), np.cos(e) * np.cos(a)])


Lamp = Annotated[
    RectangleLamp | DiscLamp | SphereLamp | PointLamp | SpotLamp | Sun, Field(discriminator="kind")
]

AREA_LAMPS = (RectangleLamp, DiscLamp, SphereLamp)

# The key of a lamp's strength and colour.
STRENGTH = {
    "rectangle": "radiance",
    "disc": "radiance",
    "sphere": "radiance",
    "point": "intensity",
    "spot": "intensity",
    "sun": "irradiance",
}

"""Lamps: lights at a place in the scene, and the sun, beside the light of the environment.

Radiance is linear Rec. 709, in the same units as that of the environment. A distance d from a point
lamp of intensity I, the irradiance on a surface that faces it is I/d²; a rectangle of area A and
radiance L has about the same effect as a point of intensity L A, seen from its front and from afar.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator, model_validator
from scipy.spatial.transform import Rotation

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
LAMPS = (RectangleLamp, DiscLamp, SphereLamp, PointLamp, SpotLamp, Sun)

# The key of a lamp's strength and colour.
STRENGTH = {
    "rectangle": "radiance",
    "disc": "radiance",
    "sphere": "radiance",
    "point": "intensity",
    "spot": "intensity",
    "sun": "irradiance",
}

TURN_OF_LAMP = 60.0  # degrees by which the start of a search turns a lamp

STEEP = 0.95  # cosine to the vertical above which a lamp counts as being above a point


def strength(lamp: Lamp) -> NDArray[np.float64]:
    """Return radiance, intensity or irradiance (3,) of a lamp, multiplied by its level."""
    return lamp.level * np.array(getattr(lamp, STRENGTH[lamp.kind]), dtype=np.float64)


def with_strength(lamp: Lamp, value: NDArray[np.float64]) -> Lamp:
    """Return the lamp with a radiance, intensity or irradiance (3,), and level 1."""
    rgb = tuple(float(each) for each in value)
    return lamp.model_copy(update={STRENGTH[lamp.kind]: rgb, "level": 1.0})


def sizes(lamp: Lamp) -> NDArray[np.float64]:
    """Return width and height (2,) or radius (1,) of a lamp, scene units; empty for a point."""
    if isinstance(lamp, RectangleLamp):
        return np.array(lamp.size, dtype=np.float64)
    return np.array([lamp.radius] if hasattr(lamp, "radius") else [], dtype=np.float64)


def with_sizes(lamp: Lamp, values: NDArray[np.float64]) -> dict[str, Any]:
    """Return the keys of a lamp that set its width and height, or its radius."""
    if isinstance(lamp, RectangleLamp):
        return {"size": tuple(values.tolist())}
    return {"radius": float(values[0])}


def placed(lamp: Lamp) -> dict[str, Any]:
    """Return the keys of a lamp that say where it is."""
    names = ("elevation", "azimuth") if isinstance(lamp, Sun) else ("place",)
    return {name: getattr(lamp, name) for name in names}


def turned(lamp: Lamp, centre: Sequence[float], degrees: float = TURN_OF_LAMP) -> dict[str, Any]:
    """Return the keys that turn a lamp about a point.

    It turns about the vertical axis, toward +x; a lamp that is almost above the point turns about
    the z axis instead.
    """
    point = np.asarray(centre, np.float64)
    steep = abs(direction_to(lamp, point)[1]) > STEEP
    matrix = Rotation.from_euler("z" if steep else "y", degrees, degrees=True).as_matrix()
    return rotated(lamp, matrix, point)


def direction_to(lamp: Lamp, point: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the unit vector (3,) from a point to a lamp."""
    if isinstance(lamp, Sun):
        return lamp.direction()
    away = np.subtract(lamp.place, point)
    return away / max(float(np.linalg.norm(away)), 1e-9)


def distance_to(lamp: Lamp, point: NDArray[np.float64]) -> float:
    """Return the distance of a lamp from a point, scene units; 1 for the sun."""
    return 1.0 if isinstance(lamp, Sun) else max(float(np.linalg.norm(lamp.place - point)), 1e-9)


def rotated(lamp: Lamp, matrix: NDArray[np.float64], centre: NDArray[np.float64]) -> dict[str, Any]:
    """Return the keys that rotate (and scale) a lamp's place about a point by a matrix (3, 3)."""
    if isinstance(lamp, Sun):
        x, y, z = matrix @ lamp.direction() / np.cbrt(np.linalg.det(matrix))
        elevation = float(np.degrees(np.arcsin(np.clip(y, -1, 1))))
        return {"elevation": elevation, "azimuth": float(np.degrees(np.arctan2(x, z)))}
    moved = centre + matrix @ np.subtract(lamp.place, centre)
    return {"place": tuple(moved.tolist())}


def irradiance(lamp: Lamp, at: NDArray[np.float64]) -> tuple[NDArray[np.float64], Any]:
    """Return the unit vector (3,) from a point to a lamp, and the irradiance (3,) there.

    The irradiance is that of a surface that faces the lamp, without occlusion. An area lamp counts
    as if all its light came from its centre.
    """
    if isinstance(lamp, Sun):
        return lamp.direction(), strength(lamp)
    to_lamp = np.subtract(lamp.place, at)
    distance = max(float(np.linalg.norm(to_lamp)), 1e-9)
    share = 1.0
    if not isinstance(lamp, SphereLamp | PointLamp):
        ahead = np.subtract(lamp.toward, lamp.place)
        cosine = float(-to_lamp @ ahead / (distance * np.linalg.norm(ahead)))
        if isinstance(lamp, SpotLamp):
            off_axis = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
            share = float(np.clip((lamp.angle - off_axis) / (0.25 * lamp.angle), 0, 1))
        else:
            share = max(cosine, 0.0)
    return to_lamp / distance, strength(lamp) * share * area(lamp) / distance**2


def area(lamp: Lamp) -> float:
    """Return the area of a lamp as seen from its front, in squared scene units; 1 for points."""
    match lamp:
        case RectangleLamp():
            return lamp.size[0] * lamp.size[1]
        case DiscLamp() | SphereLamp():
            return float(np.pi * lamp.radius**2)
    return 1.0

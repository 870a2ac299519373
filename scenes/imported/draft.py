"""A scene as a file describes it: in the file's coordinates and units, in double precision."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.imported.report import Report
from scenes.lighting import Lighting
from scenes.material import Material
from scenes.meshes.formats.polygons import Polygons
from scenes.shape import Normals

Floats = NDArray[np.float64]

LEAST_DETERMINANT = 1e-12  # of a matrix whose largest number is 1


@dataclass(frozen=True, eq=False)
class Part:
    """One object of a file.

    Parameters
    ----------
    name
        As in the file.
    polygons
        In the world coordinates of the file.
    material
        Of its surface.
    normals
        Shading normals.
    two_sided
        Whether the file shows the back sides of its faces like their fronts.
    """

    name: str
    polygons: Polygons
    material: Material
    normals: Normals = "smooth"
    two_sided: bool = False


@dataclass(frozen=True, eq=False)
class View:
    """A camera of a file.

    Parameters
    ----------
    name
        As in the file.
    origin, ahead, up : (3,) float64
        Place, viewing direction, and direction that is up in the image.
    field_of_view
        Vertical, in degrees.
    """

    name: str
    origin: Floats
    ahead: Floats
    up: Floats
    field_of_view: float


@dataclass(frozen=True, eq=False)
class LampDraft:
    """A lamp of a file, as keys of a lamp of `scenes.lamps`, in the file's coordinates.

    Parameters
    ----------
    name
        As in the file.
    keys
        Such as ``kind``, ``intensity``, ``place``. A `Sun` has ``toward``, the vector to the sun,
        in place of its angles.
    """

    name: str
    keys: dict[str, Any]


@dataclass
class Draft:
    """All that was read from a file.

    Parameters
    ----------
    up
        Axis of the file that points up: ``"y"`` or ``"z"``.
    units
        In words, such as ``"metres"``.
    lighting
        Light of the environment; None if the file has none.
    map_turn : (3, 3) float64
        Rotation of an environment map, in the file's coordinates.
    bounces
        Number of reflections; None for the default.
    """

    up: str
    units: str
    parts: list[Part] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    lamps: list[LampDraft] = field(default_factory=list)
    lighting: Lighting | None = None
    map_turn: Floats = field(default_factory=lambda: np.eye(3))
    bounces: int | None = None
    report: Report = field(default_factory=Report)


def check_invertible(matrix: Floats, what: str) -> None:
    """Raise if a transform (4, 4) is singular or not finite; `what` names its owner."""
    linear = matrix[:3, :3]
    size = float(np.abs(linear).max())
    if not np.isfinite(matrix).all():
        raise InputError(f"{what}: its transform has numbers that are not finite; export it again")
    if size == 0 or abs(np.linalg.det(linear / size)) <= LEAST_DETERMINANT:
        raise InputError(
            f"{what}: its transform is singular (a scale of 0, or parallel axes); give it a scale "
            "above 0 along each axis, or delete it"
        )

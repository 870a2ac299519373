"""Move a scene so that the searched object has the unit sphere about the origin around it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.geometry.smallest_sphere import smallest_sphere

Floats = NDArray[np.float64]
# From an axis of a file that points up to +y: z becomes y, and −y becomes z.
TO_Y_UP = {"y": np.eye(3), "z": np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])}


@dataclass(frozen=True, eq=False)
class Placement:
    """Rotation to y up, translation, then scale.

    Parameters
    ----------
    turn : (3, 3) float64
        Rotation.
    centre : (3,) float64
        Point of the file, after the rotation, that becomes the origin.
    scale
        Scene units in one unit of the file.
    """

    turn: Floats
    centre: Floats
    scale: float

    def points(self, points: Floats) -> Floats:
        """Return points (N, 3) of the file in scene units."""
        return (np.asarray(points, np.float64) @ self.turn.T - self.centre) * self.scale

    def directions(self, vectors: Floats) -> Floats:
        """Return directions of the file in the scene."""
        return np.asarray(vectors, np.float64) @ self.turn.T

    def lamp(self, keys: dict[str, Any]) -> dict[str, Any]:
        """Return the keys of a lamp in scene units.

        Intensities of points and spots grow with the square of the scale, so that surfaces receive
        the same irradiance. Radiance and the sun's irradiance do not depend on the scale.
        """
        placed = dict(keys)
        if placed["kind"] == "sun":
            x, y, z = self.directions(placed.pop("toward"))
            placed["elevation"] = float(np.degrees(np.arcsin(np.clip(y, -1, 1))))
            placed["azimuth"] = float(np.degrees(np.arctan2(x, z)))
            return placed
        for key in ("place", "toward"):
            if key in placed:
                placed[key] = tuple(map(float, self.points(placed[key])))
        for key in ("size", "radius"):
            if key in placed:
                placed[key] = (np.array(placed[key], np.float64) * self.scale).tolist()
        if "along" in placed:  # the direction of a rectangle's width
            placed["along"] = self.directions(placed["along"])
        if "intensity" in placed:
            placed["intensity"] = [float(each * self.scale**2) for each in placed["intensity"]]
        return placed


def placement_of(vertices: Floats, up: str) -> Placement:
    """Return the placement that puts vertices (V, 3) into the unit sphere about the origin."""
    turn = TO_Y_UP[up]
    centre, radius = smallest_sphere(vertices @ turn.T)
    return Placement(turn, centre, 1 / radius)

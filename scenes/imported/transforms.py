"""Matrices of the steps of a transform, as Mitsuba defines them."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenes.base.errors import InputError

Floats = NDArray[np.float64]


def translation(shift: Floats) -> Floats:
    """Return the matrix (4, 4) of a translation."""
    matrix = np.eye(4)
    matrix[:3, 3] = shift
    return matrix


def scaling(factors: Floats) -> Floats:
    """Return the matrix (4, 4) of factors along x, y and z."""
    return np.diag([*factors, 1.0])


def rotation(axis: Floats, degrees: float) -> Floats:
    """Return the matrix (4, 4) of a right-handed turn about an axis of any length."""
    length = np.linalg.norm(axis)
    if length == 0:
        raise InputError("the axis of a rotation is 0; give it a direction")
    matrix = np.eye(4)
    matrix[:3, :3] = Rotation.from_rotvec(axis / length * np.radians(degrees)).as_matrix()
    return matrix


def look_at(origin: Floats, target: Floats, up: Floats | None) -> Floats:
    """Return the matrix (4, 4) whose +z looks from one point to another, with +y toward `up`."""
    ahead = target - origin
    if not ahead.any():
        raise InputError("origin and target are the same point; give another target")
    ahead = ahead / np.linalg.norm(ahead)
    if up is None:
        up = _any_up(ahead)
    left = np.cross(up, ahead)
    if np.linalg.norm(left) < 1e-9:
        raise InputError("up is parallel to the view; give another up")
    left = left / np.linalg.norm(left)
    matrix = np.eye(4)
    matrix[:3, :3] = np.column_stack([left, np.cross(ahead, left), ahead])
    matrix[:3, 3] = origin
    return matrix


def _any_up(ahead: Floats) -> Floats:
    """Return the direction that Mitsuba uses without `up`, normal to `ahead` (Duff et al. 2017)."""
    x, y, z = ahead
    sign = np.copysign(1.0, z)
    a = -1 / (sign + z)
    return np.array([1 + sign * x * x * a, sign * x * y * a, -sign * x])

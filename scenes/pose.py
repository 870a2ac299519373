"""Pose of the object: rotation, then translation."""

import warnings

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenes.base.frozen import Frozen, Triple


class Pose(Frozen):
    """Rotation about the origin, then translation.

    Parameters
    ----------
    rotation
        Degrees about the fixed x, then y, then z axis; right-handed (a turn about y carries z to
        x), so the matrix is Rz Ry Rx.
    translation
        In scene units, applied after the rotation.
    """

    rotation: Triple = (0.0, 0.0, 0.0)
    translation: Triple = (0.0, 0.0, 0.0)

    def matrix(self) -> NDArray[np.float64]:
        """Return the object-to-world matrix, (4, 4) float64, for column vectors."""
        matrix = np.eye(4)
        # Lower-case axes are fixed ones in SciPy.
        matrix[:3, :3] = Rotation.from_euler("xyz", self.rotation, degrees=True).as_matrix()
        matrix[:3, 3] = self.translation
        return matrix

    @classmethod
    def from_matrix(cls, matrix: NDArray[np.float64]) -> "Pose":
        """Return the pose of an object-to-world matrix (4, 4), to 1e-7.

        The angle about y is within ±90 degrees, where each orientation has one set of angles (at
        ±90, the angle about z is 0).
        """
        with warnings.catch_warnings():
            # At ±90 degrees the split between x and z is arbitrary; SciPy warns about it.
            warnings.filterwarnings("ignore", "Gimbal lock", UserWarning)
            x, y, z = Rotation.from_matrix(matrix[:3, :3]).as_euler("xyz", degrees=True).tolist()
        a, b, c = matrix[:3, 3].tolist()
        return cls(rotation=(x, y, z), translation=(a, b, c))

"""Where the object stands: rotation, then translation."""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from scenes.frozen import Frozen, Triple


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
        """Give the object-to-world matrix.

        Returns
        -------
        (4, 4) float64
            Multiplies column vectors.
        """
        matrix = np.eye(4)
        # Lower-case axes are fixed ones in SciPy.
        matrix[:3, :3] = Rotation.from_euler("xyz", self.rotation, degrees=True).as_matrix()
        matrix[:3, 3] = self.translation
        return matrix

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.pose import Pose

ANGLES = st.tuples(*[st.floats(-360, 360)] * 3)


@pytest.mark.parametrize(
    ("rotation", "point", "expected"),
    [
        ((90, 0, 0), (0, 1, 0), (0, 0, 1)),  # about x: y goes to z
        ((0, 90, 0), (0, 0, 1), (1, 0, 0)),  # about y: z goes to x
        ((0, 0, 90), (1, 0, 0), (0, 1, 0)),  # about z: x goes to y
        ((90, 90, 0), (0, 1, 0), (1, 0, 0)),  # x first (y → z), then y (z → x)
        ((0, 90, 90), (0, 0, 1), (0, 1, 0)),  # y first (z → x), then z (x → y)
    ],
)
def test_rotations_are_right_handed_about_fixed_axes(rotation, point, expected):
    turned = Pose(rotation=rotation).matrix() @ [*point, 1]
    np.testing.assert_allclose(turned[:3], expected, atol=1e-12)


@given(rotation=ANGLES, translation=ANGLES)
def test_the_matrix_is_a_rotation_then_a_translation(rotation, translation):
    matrix = Pose(rotation=rotation, translation=translation).matrix()
    np.testing.assert_allclose(matrix[:3, :3] @ matrix[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(matrix[:3, :3]) == pytest.approx(1)
    np.testing.assert_array_equal(matrix @ [0, 0, 0, 1], [*translation, 1])


@pytest.mark.parametrize("rotation", [(0, 0, 0), (10, -40, 170), (-179, 89, 3), (30, 90, 0)])
def test_a_pose_is_recovered_from_its_matrix(rotation):
    pose = Pose(rotation=rotation, translation=(1, -2, 0.5))
    again = Pose.from_matrix(pose.matrix())
    np.testing.assert_allclose(again.rotation, rotation, atol=1e-5)
    assert again.translation == pose.translation


def test_a_pose_with_its_nose_up_keeps_its_matrix():
    """At ±90 degrees about y, only the difference of the other two angles is in the matrix."""
    for rotation in ((20, 90, 50), (20, -90, 50), (20, 89.99999, 50)):
        matrix = Pose(rotation=rotation).matrix()
        np.testing.assert_allclose(Pose.from_matrix(matrix).matrix(), matrix, atol=1e-6)

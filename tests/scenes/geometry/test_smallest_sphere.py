import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import minimize
from scipy.spatial.transform import Rotation

from scenes.geometry.smallest_sphere import smallest_sphere

CLOUDS = hnp.arrays(float, st.tuples(st.integers(1, 40), st.just(3)), elements=st.floats(-9, 9))


@pytest.mark.parametrize(
    ("points", "centre", "radius"),
    [
        ([(1, 2, 3)], (1, 2, 3), 0),
        ([(0, 0, 0), (2, 0, 0), (1, 0.5, 0)], (1, 0, 0), 1),  # rests on two points
        ([(1, 0, 0), (-0.5, 3**0.5 / 2, 0), (-0.5, -(3**0.5) / 2, 0)], (0, 0, 0), 1),
        ([(1, 1, 1), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)], (0, 0, 0), 3**0.5),
    ],
)
def test_spheres_known_by_hand(points, centre, radius):
    found, size = smallest_sphere(np.array(points, float))
    np.testing.assert_allclose(found, centre, atol=1e-12)
    assert size == pytest.approx(radius, abs=1e-12)


@given(points=CLOUDS)
def test_no_point_is_outside_and_no_smaller_sphere_holds_them(points):
    centre, radius = smallest_sphere(points)
    distances = np.linalg.norm(points - centre, axis=1)
    assert distances.max() <= radius
    # The centre of the smallest sphere is a mean of the points on it: no direction leads away
    # from all of them. Nelder and Mead look for a better one.
    better = minimize(
        lambda c: np.linalg.norm(points - c, axis=1).max(),
        centre,
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12, "initial_simplex": centre + 0.1 * np.eye(4, 3)},
    )
    assert radius <= better.fun + 1e-9 * (1 + radius)


def test_turning_the_points_turns_the_sphere(rng):
    points = rng.normal(size=(500, 3)) * (1, 2, 3)
    turn = Rotation.random(rng=rng).as_matrix()
    centre, radius = smallest_sphere(points)
    turned, same = smallest_sphere(points @ turn.T)
    np.testing.assert_allclose(turned, turn @ centre, atol=1e-9)
    assert same == pytest.approx(radius)


def test_many_points_on_one_sphere_are_no_trouble(rng):
    points = rng.normal(size=(50_000, 3))
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    centre, radius = smallest_sphere(points + 5)
    np.testing.assert_allclose(centre, 5, atol=1e-9)
    assert radius == pytest.approx(1)

import numpy as np
import pytest

from scenes.base.errors import InputError
from scenes.pictures.primaries import (
    KNOWN,
    adaptation,
    as_primaries,
    converted,
    name_of,
    rgb_to_xyz,
    to_rec709,
)


def test_rec709_has_its_published_matrix():
    # IEC 61966-2-1, to four digits.
    published = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    np.testing.assert_allclose(rgb_to_xyz(KNOWN["Rec. 709"]), published, atol=5e-4)


def test_bradford_has_its_published_matrix():
    # Lindbloom, "Chromatic adaptation": D65 to D50.
    published = [
        [1.0478112, 0.0228866, -0.0501270],
        [0.0295424, 0.9904844, -0.0170491],
        [-0.0092345, 0.0150436, 0.7521316],
    ]
    found = adaptation((0.95047, 1, 1.08883), (0.96422, 1, 0.82521))
    np.testing.assert_allclose(found, published, atol=1e-6)


@pytest.mark.parametrize("name", KNOWN)
def test_known_primaries_are_named_and_keep_white(name):
    assert name_of(np.array(KNOWN[name]) + 0.0005) == name
    matrix = to_rec709(KNOWN[name])
    assert (matrix is None) == (name == "Rec. 709")
    if matrix is not None:
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-12)


def test_unknown_primaries_are_named_by_their_numbers():
    assert name_of([(0.6, 0.3), (0.3, 0.6), (0.1, 0.1), (0.3, 0.3)]).startswith("primaries 0.6 0.3")


@pytest.mark.parametrize(
    "numbers", [[0.3] * 8, [0] * 8, [np.nan] * 8, [0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3, 0]]
)
def test_invalid_primaries_are_refused(numbers):
    with pytest.raises(InputError, match=r"are no colour space; save it with Rec\. 709 primaries"):
        as_primaries(numbers)


def test_only_rounding_errors_are_moved_into_range(rng):
    matrix = to_rec709(KNOWN["Display P3"])
    values = rng.random((1030, 3, 3))
    exact = values @ matrix.T
    step = np.full(values.shape, 0.01)
    slack = step @ np.abs(matrix).T
    found = converted(values, matrix, step)
    near = ((exact < 0) & (exact >= -slack)) | ((exact > 1) & (exact <= 1 + slack))
    assert 0 < near.sum() < near.size / 4
    np.testing.assert_allclose(found[~near], exact[~near], atol=1e-6)
    np.testing.assert_array_equal(found[near], (exact[near] > 0.5).astype(float))
    assert found.min() < 0

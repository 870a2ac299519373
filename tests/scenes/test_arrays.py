import hashlib

import numpy as np
import pytest

from scenes.arrays import Mesh, Picture, array_sha256
from scenes.base.errors import InputError

TRIANGLE = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)
FACE = np.array([[0, 1, 2]], np.int32)


def test_the_hash_is_over_type_shape_and_bytes():
    array = np.array([[1.0, 2.0]], np.float32)
    expected = hashlib.sha256(b"float32 (1, 2)\n" + bytes.fromhex("0000803f00000040")).hexdigest()
    assert array_sha256(array) == expected
    assert array_sha256(array.astype(">f4")) == expected
    assert array_sha256(np.asfortranarray(array)) == expected
    assert array_sha256(array.reshape(2, 1)) != expected
    assert array_sha256(array.astype(np.float64)) != expected


def test_meshes_compare_by_content():
    mesh, same = Mesh(TRIANGLE, FACE), Mesh(TRIANGLE.tolist(), FACE.tolist())
    assert mesh == same
    assert hash(mesh) == hash(same)
    assert mesh != Mesh(TRIANGLE * 2, FACE)
    assert mesh != Mesh(TRIANGLE, FACE, TRIANGLE[:, :2])
    assert mesh != Picture(TRIANGLE)


def test_arrays_are_copied_and_cannot_change():
    vertices = TRIANGLE.copy()
    mesh = Mesh(vertices, FACE)
    vertices[0] = 9
    assert mesh.vertices[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        mesh.vertices[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        Picture(np.zeros((2, 2, 3))).pixels[0, 0, 0] = 1


@pytest.mark.parametrize(
    ("vertices", "faces", "uvs", "message"),
    [
        (TRIANGLE[:, :2], FACE, None, r"vertices have shape \(3, 2\); use \(V, 3\)"),
        (TRIANGLE, FACE[:0], None, r"faces have shape \(0, 3\)"),
        (TRIANGLE, [[0, 1, 2, 0]], None, r"faces have shape \(1, 4\)"),
        (TRIANGLE, FACE + 0.5, None, "faces hold float64 numbers; use whole numbers"),
        (TRIANGLE, [[0, 1, 3]], None, r"faces name vertices 0 to 3, but there are 3 vertices"),
        (TRIANGLE, [[0, 1, -1]], None, r"faces name vertices -1 to 1"),
        (
            TRIANGLE + np.array([[np.nan], [0], [0]]),
            FACE,
            None,
            "3 of 9 vertex coordinates are not finite",
        ),
        (TRIANGLE.astype(float) * 1e300, FACE, None, "2 of 9 vertex coordinates are not finite"),
        (TRIANGLE * 0, FACE, None, "all 3 vertices are zero .*without compression"),
        (TRIANGLE, [[0, 1, 1]], None, "all 1 faces have no area"),
        (TRIANGLE, FACE, [[0, 0]], r"texture coordinates have shape \(1, 2\); use \(3, 2\)"),
        (TRIANGLE, FACE, [[0, np.nan]] * 3, "3 of 6 texture coordinates are not finite"),
    ],
)
def test_invalid_arrays_are_refused(vertices, faces, uvs, message):
    with pytest.raises(InputError, match=message):
        Mesh(vertices, faces, uvs)


def test_a_picture_has_one_or_three_channels():
    assert Picture(np.zeros((2, 4))).pixels.shape == (2, 4, 1)
    assert Picture(np.zeros((2, 4, 3))).channels == 3
    with pytest.raises(InputError, match=r"pixels have shape \(2, 4, 2\)"):
        Picture(np.zeros((2, 4, 2)))
    with pytest.raises(InputError, match=r"pixels have shape \(0, 4, 3\)"):
        Picture(np.zeros((0, 4, 3)))
    with pytest.raises(InputError, match="1 of 8 pixel values are not finite"):
        Picture([[0, 1, 2, np.nan], [0, 0, 0, 0]])

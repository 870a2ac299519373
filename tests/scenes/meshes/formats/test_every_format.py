"""The same solid comes out of every format and variant: extents, area, volume, outside."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenes.base.errors import InputError
from scenes.geometry.topology import manifold_problem
from scenes.meshes.files import read_mesh_file
from tests.scenes.meshes.formats import writers
from tests.scenes.meshes.formats.solids import area_and_volume, mesh_area_and_volume, solids
from tests.scenes.meshes.formats.writers import FLAT, TRIANGLES, Files


def reading(files: Files, *, fit: bool = False):
    with tempfile.TemporaryDirectory() as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        return read_mesh_file(Path(folder) / next(iter(files)), fit=fit)


def check_same(read, solid):
    used = solid[0][sorted({v for face in solid[1] for v in face})]
    np.testing.assert_allclose(read.extents, np.ptp(used, axis=0), rtol=1e-5)
    np.testing.assert_allclose(mesh_area_and_volume(read.mesh), area_and_volume(solid), rtol=1e-5)
    assert read.is_closed
    assert manifold_problem(read.mesh) is None


@pytest.mark.parametrize("write", FLAT, ids=lambda write: write.__name__)
@settings(max_examples=8)
@given(solid=solids(flat=True))
def test_every_format_keeps_polygons(write, solid):
    check_same(reading(write(solid)), solid)


@pytest.mark.parametrize("write", TRIANGLES, ids=lambda write: write.__name__)
@settings(max_examples=8)
@given(solid=solids(flat=False))
def test_every_format_keeps_triangles(write, solid):
    check_same(reading(write(solid)), solid)


@pytest.mark.parametrize("bits", [8, 16])
@settings(max_examples=8)
@given(solid=solids(flat=False))
def test_quantised_positions_are_spread_by_their_node(bits, solid):
    low, size = solid[0].min(axis=0), float(np.ptp(solid[0], axis=0).max())
    top = 2 ** (bits - 1) - 1
    steps = np.round((solid[0] - low) / size * top).astype(f"<i{bits // 8}")
    quantised = (low + steps / top * size, solid[1])
    document = writers.Document()
    # A row of three short numbers is padded to a multiple of four bytes.
    row = 4 if bits == 8 else 8
    padded = np.zeros((len(steps), row * 8 // bits), steps.dtype)
    padded[:, :3] = steps
    view = document.view(padded.tobytes(), byteStride=row)
    kind = {8: 5120, 16: 5122}[bits]
    document.json["accessors"].append(
        {"bufferView": view, "componentType": kind, "count": len(steps), "type": "VEC3",
         "normalized": True}
    )  # fmt: skip
    faces = writers.triangles(solid).astype("<u2").ravel()
    document.mesh(0, document.accessor(faces))
    document.node(mesh=0, scale=[size] * 3, translation=low.tolist())
    document.json["extensionsRequired"] = ["KHR_mesh_quantization"]
    read = reading(document.glb())
    used = sorted({v for face in solid[1] for v in face})
    np.testing.assert_allclose(read.extents, np.ptp(quantised[0][used], axis=0), rtol=1e-5)
    expected = area_and_volume((quantised[0], faces.reshape(-1, 3).tolist()))
    np.testing.assert_allclose(mesh_area_and_volume(read.mesh), expected, rtol=1e-4)


@settings(max_examples=30)
@given(solid=solids(flat=True), share=st.floats(0, 1), seed=st.integers(0, 2**32 - 1))
def test_faces_of_any_orientation_are_turned_outward(solid, share, seed):
    turned = np.random.default_rng(seed).random(len(solid[1])) < share
    faces = [face[::-1] if turn else face for face, turn in zip(solid[1], turned, strict=True)]
    read = reading(writers.obj_plain((solid[0], faces)))
    check_same(read, solid)
    assert any("turned outward" in change for change in read.changes) == bool(turned.any())


@settings(max_examples=20)
@given(solid=solids(flat=True), far=st.integers(0, 8))
def test_far_from_the_origin_the_fitted_mesh_is_the_same(solid, far):
    size = float(np.ptp(solid[0], axis=0).max())
    moved = np.round(solid[0] / size, 6) + 10.0**far * np.array([1, -2, 3])
    near = np.round(solid[0] / size, 6)
    here = reading(writers.obj_plain((near, solid[1])), fit=True).mesh
    there = reading(writers.obj_plain((moved, solid[1])), fit=True).mesh
    assert len(here.faces) == len(there.faces)
    np.testing.assert_allclose(there.vertices, here.vertices, atol=1e-6)


def test_a_clean_file_keeps_order_and_numbers():
    octahedron = [(0, 1, 2), (0, 2, 3), (0, 3, 4), (0, 4, 1), (5, 2, 1), (5, 3, 2), (5, 4, 3),
                  (5, 1, 4)]  # fmt: skip
    vertices = np.array(
        [(0, 0, 1), (1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (0, 0, -1)], np.float32
    )
    read = reading(writers.ply_little((vertices.astype(float), [list(f) for f in octahedron])))
    assert np.array_equal(read.mesh.vertices, vertices)
    assert read.mesh.faces.tolist() == [list(face) for face in octahedron]
    assert read.changes == ()


def test_other_contents_of_a_document_are_reported(tmp_path):
    solid = (np.eye(3).repeat(1, axis=0), [[0, 1, 2]])
    document = writers.simple(solid)
    document.node(mesh=0)
    document.json |= {"animations": [{}], "scenes": [{"nodes": [0]}, {"nodes": []}]}
    read = reading(document.glb())
    assert read.left_out == ("other scenes of the file", "animations")
    assert "left out: other scenes of the file; animations" in str(read)


@pytest.mark.parametrize(
    ("extension", "message"),
    [
        ("KHR_draco_mesh_compression", "compressed with Draco"),
        ("EXT_meshopt_compression", "compressed with meshopt"),
        ("XYZ_unheard_of", "needs the extension XYZ_unheard_of, which is not read"),
    ],
)
def test_an_unsupported_extension_is_named(tmp_path, extension, message):
    document = writers.simple((np.eye(3), [[0, 1, 2]]))
    document.node(mesh=0)
    document.json["extensionsRequired"] = [extension]
    (tmp_path / "s.gltf").write_bytes(json.dumps(document.json).encode())
    with pytest.raises(InputError, match=rf"s\.gltf: .*{message}"):
        read_mesh_file(tmp_path / "s.gltf", fit=True)

import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes.arrays import Mesh
from scenes.errors import InputError
from scenes.mesh_files import read_mesh, write_mesh

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
CORNER = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0]], np.float32)


@st.composite
def meshes(draw):
    extra = draw(hnp.arrays(np.float32, st.tuples(st.integers(0, 8), st.just(3)), elements=FLOATS))
    vertices = np.vstack([CORNER, extra])
    corner = st.integers(0, len(vertices) - 1)
    faces = draw(st.lists(st.tuples(corner, corner, corner), max_size=8))
    pairs = hnp.arrays(np.float32, (len(vertices), 2), elements=FLOATS)
    return Mesh(vertices, [(0, 1, 2), *faces], draw(st.none() | pairs))


@given(mesh=meshes())
def test_a_mesh_survives_its_file_bit_by_bit(mesh):
    with tempfile.TemporaryDirectory() as folder:
        write_mesh(mesh, Path(folder) / "mesh.ply")
        assert read_mesh(Path(folder) / "mesh.ply") == mesh


def test_the_renderer_reads_the_file(mi, tmp_path):
    sphere = trimesh.creation.icosphere(subdivisions=1)
    write_mesh(Mesh(sphere.vertices, sphere.faces), tmp_path / "s.ply")
    shape = mi.load_dict({"type": "ply", "filename": str(tmp_path / "s.ply")})
    assert shape.vertex_count() == 42
    assert shape.face_count() == 80


@pytest.mark.parametrize("suffix", ["obj", "glb", "stl", "off", "ply"])
def test_common_formats_give_the_same_closed_surface(tmp_path, suffix):
    solid = trimesh.creation.icosphere(subdivisions=1)
    solid.export(tmp_path / f"sphere.{suffix}")
    mesh = read_mesh(tmp_path / f"sphere.{suffix}")
    assert mesh.vertices.shape == (42, 3)
    assert trimesh.Trimesh(mesh.vertices, mesh.faces, process=False).volume == pytest.approx(
        solid.volume, rel=1e-5
    )


def test_texture_coordinates_count_from_the_top(tmp_path):
    # In OBJ, (0, 0) is the texture's lower left corner.
    (tmp_path / "corner.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nvt 1 0\nvt 0 1\nf 1/1 2/2 3/3\n"
    )
    mesh = read_mesh(tmp_path / "corner.obj")
    np.testing.assert_allclose(mesh.vertices, CORNER)
    np.testing.assert_allclose(mesh.uvs, [(0, 1), (1, 1), (0, 0)])


def test_several_objects_in_one_file_are_joined(tmp_path):
    parts = [trimesh.creation.box(), trimesh.creation.box().apply_translation([3, 0, 0])]
    trimesh.Scene(parts).export(tmp_path / "two.glb")
    mesh = read_mesh(tmp_path / "two.glb")
    assert mesh.faces.shape == (24, 3)
    assert np.ptp(mesh.vertices[:, 0]) == pytest.approx(4)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.ply: no such mesh file; check the path"):
        read_mesh(tmp_path / "none.ply")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("text.ply", b"hello"),
        ("empty.ply", b""),
        ("empty.obj", b""),
        ("cut.ply", None),
        ("strange.xyz123", b"1 2 3"),
        ("broken.glb", b"glTF\x02\x00\x00\x00"),
    ],
)
def test_a_broken_file_is_named(tmp_path, name, content):
    path = tmp_path / name
    if content is None:
        write_mesh(Mesh(CORNER, [(0, 1, 2)]), path)
        content = path.read_bytes()[:-20]
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: (cannot be read as a mesh|holds no triangles)"):
        read_mesh(path)


def test_points_without_triangles_are_no_mesh(tmp_path):
    trimesh.PointCloud(CORNER).export(tmp_path / "points.ply")
    with pytest.raises(InputError, match="holds no triangles; export a surface"):
        read_mesh(tmp_path / "points.ply")


def test_a_compressed_file_that_was_not_decoded_is_refused(tmp_path):
    # What a Draco-compressed GLB becomes without a decoder: an accessor without data is all zeros.
    gltf = {
        "asset": {"version": "2.0"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1, "mode": 4}]}],
        "accessors": [
            {"componentType": 5126, "count": 3, "type": "VEC3", "min": [0] * 3, "max": [1] * 3},
            {"componentType": 5125, "count": 3, "type": "SCALAR", "bufferView": 0},
        ],
        "bufferViews": [{"buffer": 0, "byteOffset": 0, "byteLength": 12}],
        "buffers": [{"byteLength": 12}],
    }
    text = json.dumps(gltf).encode()
    text += b" " * (-len(text) % 4)
    data = struct.pack("<III", 0, 1, 2)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    body += struct.pack("<II", len(data), 0x004E4942) + data
    (tmp_path / "draco.glb").write_bytes(struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body)
    with pytest.raises(InputError, match=r"draco\.glb: all 3 vertices are zero"):
        read_mesh(tmp_path / "draco.glb")


def test_vertices_that_are_not_finite_are_counted(tmp_path):
    (tmp_path / "nan.obj").write_text("v nan 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 3\n")
    with pytest.raises(InputError, match=r"nan\.obj: 1 of 9 vertex coordinates are not finite"):
        read_mesh(tmp_path / "nan.obj")


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(InputError, match=r"file/mesh\.ply: cannot be written"):
        write_mesh(Mesh(CORNER, [(0, 1, 2)]), tmp_path / "file" / "mesh.ply")


FULL_DISK = """
import resource, sys
import numpy as np
from pathlib import Path
from scenes.arrays import Picture
from scenes.errors import InputError
from scenes.mesh_files import write_mesh
from scenes.picture_files import write_picture
from scenes.shape import Sphere, geometry
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
path = Path(sys.argv[1])
try:
    if path.suffix == ".ply":
        write_mesh(geometry(Sphere()), path)
    else:
        write_picture(Picture(np.random.default_rng(0).random((64, 64, 3))), path)
except InputError as error:
    print(error)
"""


@pytest.mark.parametrize("name", ["mesh.ply", "picture.exr"])
def test_a_full_disk_leaves_the_old_file(tmp_path, name):
    (tmp_path / name).write_text("old")
    script = [sys.executable, "-c", FULL_DISK, str(tmp_path / name)]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert f"{name}: cannot be written" in done.stdout, done.stderr
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]

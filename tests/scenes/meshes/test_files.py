import json
import re
import resource
import struct
import tempfile
from pathlib import Path

import numpy as np
import pytest
import trimesh
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from scenes.arrays import Mesh, Picture
from scenes.base.errors import InputError
from scenes.geometry.topology import manifold_problem
from scenes.meshes.files import read_mesh_file, read_stored_mesh, write_mesh
from scenes.pictures.files import write_picture
from scenes.shape import Sphere, geometry
from tests.paths import DATA
from tests.scenes.meshes.formats import writers

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False, min_value=-1e6, max_value=1e6)
NOISE = np.random.default_rng(0).random((64, 64, 3))
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
        assert read_stored_mesh(Path(folder) / "mesh.ply") == mesh


def test_the_renderer_reads_the_file(mi, tmp_path):
    sphere = trimesh.creation.icosphere(subdivisions=1)
    write_mesh(Mesh(sphere.vertices, sphere.faces), tmp_path / "s.ply")
    shape = mi.load_dict({"type": "ply", "filename": str(tmp_path / "s.ply")})
    assert shape.vertex_count() == 42
    assert shape.face_count() == 80


MESHES = DATA / "meshes"


def read_mesh(path):
    return read_mesh_file(path, fit=False).mesh


def front_area(mesh):
    """Area of the faces that look along +z."""
    corners = mesh.vertices.astype(np.float64)[mesh.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    return float(across[across[:, 2] > 0, 2].sum() / 2)


@pytest.mark.parametrize("suffix", ["obj", "glb", "stl", "off", "ply"])
def test_files_of_another_library_give_the_same_closed_surface(tmp_path, suffix):
    solid = trimesh.creation.icosphere(subdivisions=1)
    solid.export(tmp_path / f"sphere.{suffix}")
    read = read_mesh_file(tmp_path / f"sphere.{suffix}", fit=False)
    assert read.mesh.vertices.shape == (42, 3)
    assert read.is_closed
    assert trimesh.Trimesh(
        read.mesh.vertices, read.mesh.faces, process=False
    ).volume == pytest.approx(solid.volume, rel=1e-5)


def test_relative_indices_name_the_vertices_before_them():
    boxes = read_mesh_file(MESHES / "two_boxes.obj", fit=False)
    assert boxes.extents.tolist() == [4.5, 2, 2]
    assert boxes.mesh == read_mesh(MESHES / "two_absolute.obj")


@pytest.mark.parametrize(
    ("name", "area"),
    [("star.obj", 1.0286), ("star.ply", 1.0286), ("star.off", 1.0286), ("arrow.obj", 1.4)],
)
def test_concave_polygons_keep_their_outline(name, area):
    assert front_area(read_mesh(MESHES / name)) == pytest.approx(area, rel=1e-4)


def test_a_sphere_far_from_the_origin_stays_a_sphere():
    mesh = read_mesh_file(MESHES / "utm.obj", fit=True).mesh
    np.testing.assert_allclose(np.linalg.norm(mesh.vertices, axis=1), 1, atol=2e-6)
    with pytest.raises(
        InputError, match=r"utm\.obj: its vertices are up to 5.41193e\+06 .*fit: true"
    ):
        read_mesh_file(MESHES / "utm.obj", fit=False)


def test_faces_turned_inward_are_turned_outward():
    read = read_mesh_file(MESHES / "inverted.obj", fit=False)
    assert read.changes == ("320 of 320 faces turned outward",)
    assert trimesh.Trimesh(read.mesh.vertices, read.mesh.faces).volume > 4


def test_a_surface_is_closed_across_the_seam_of_its_texture():
    read = read_mesh_file(MESHES / "uv_sphere.obj", fit=False)
    assert read.is_closed
    assert read.mesh.uvs is not None
    assert manifold_problem(read.mesh) is None


def test_hard_edges_do_not_open_a_surface(tmp_path):
    box = trimesh.creation.box()
    split = trimesh.Trimesh(box.vertices[box.faces].reshape(-1, 3), np.arange(36).reshape(-1, 3),
                            process=False)  # fmt: skip
    split.export(tmp_path / "box.ply")
    read = read_mesh_file(tmp_path / "box.ply", fit=False)
    assert read.is_closed
    assert read.mesh.vertices.shape == (8, 3)
    assert read.changes == ("28 of 36 vertices joined with others at their place",)


def test_triangle_strips_are_read():
    read = read_mesh_file(MESHES / "tristrips.ply", fit=False)
    assert (len(read.mesh.faces), read.is_closed) == (320, True)


def test_a_compressed_file_is_refused_by_its_name():
    with pytest.raises(InputError, match=r"meshopt_real\.glb: is compressed with meshopt"):
        read_mesh(MESHES / "meshopt_real.glb")


def test_the_summary_of_a_mesh_file():
    read = read_mesh_file(MESHES / "two_boxes.obj", fit=True)
    assert str(read) == (
        "16 vertices, 24 triangles (of 12 polygons), extents 4.5 × 2 × 2, closed, faces outward, "
        "24 hard edges (round or black with normals: smooth; use normals: flat), "
        "no texture coordinates, nothing changed"
    )


def test_elements_outside_the_surface_are_left_out(tmp_path):
    """An unused vertex, a face without an area and a repeated face: each is reported."""
    (tmp_path / "m.obj").write_text(
        "v 0 0 0\nv 1 0 0\nv 0 1 0\nv 0 0 1\nv 9 9 9\n"
        "f 1 3 2\nf 1 2 4\nf 2 3 4\nf 3 1 4\nf 4 3 1\nf 1 1 2\n"
    )
    read = read_mesh_file(tmp_path / "m.obj", fit=False)
    assert read.mesh.vertices.shape == (4, 3)
    assert read.mesh.faces.shape == (4, 3)
    assert read.is_closed
    assert read.changes == (
        "1 face without an area left out",
        "1 repeated face left out",
        "1 of 5 vertices without a face left out",
    )


@pytest.mark.parametrize("name", ["sphere.PLY", "sphere.xyz", "sphere.obj"])
def test_the_first_bytes_of_a_file_decide_its_format(tmp_path, name):
    content = trimesh.creation.icosphere(subdivisions=1).export(file_type="ply")
    (tmp_path / name).write_bytes(content)
    assert read_mesh(tmp_path / name).vertices.shape == (42, 3)


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
    ("name", "content", "message"),
    [
        ("text.ply", b"hello", "has a broken PLY header"),
        ("empty.ply", b"", "is empty; export it again"),
        ("empty.obj", b"", "is empty; export it again"),
        ("cut.ply", None, "is damaged or cut short"),
        ("strange.xyz123", b"1 2 3", "'.xyz123' is no kind of mesh that is read; use .obj, .ply"),
        ("strange", b"1 2 3", "'' is no kind of mesh that is read"),
        ("part.fbx", b"Kaydara", "'.fbx' is no kind of mesh that is read"),
        ("broken.glb", b"glTF\x02\x00\x00\x00", "is cut short: 8 bytes"),
        ("one.glb", b"glTF\x01" + bytes(30), "is glTF version 1; only version 2"),
        ("text.gltf", b"hello", "its JSON cannot be read"),
        ("other.gltf", b'{"a": 1}', "is no glTF file"),
        ("nodes.gltf", b'{"asset": {"version": "2.0"}, "nodes": 3}', "is not valid glTF"),
        (
            "loop.gltf",
            b'{"asset": {"version": "2.0"}, "nodes": [{"children": [1]}, '
            b'{"children": [0]}], "scenes": [{"nodes": [0]}]}',
            "node 0 is below itself",
        ),
        (
            "http.gltf",
            b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "http://x/y", "byteLength": 3}]}',
            "buffer 0 is at 'http://x/y'; save it beside the file",
        ),
        (
            "lost.gltf",
            b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "lost.bin", "byteLength": 3}]}',
            "its buffer lost.bin cannot be read",
        ),
        (
            "up.gltf",
            b'{"asset": {"version": "2.0"}, "buffers": [{"uri": "../x.bin", "byteLength": 3}]}',
            "its buffer '../x.bin' is in another folder; keep it beside the file",
        ),
        (
            "surplus.stl",
            bytes(80) + b"\x01\0\0\0" + bytes(100),
            "names 1 triangles and holds more: 184 bytes, but these need 134",
        ),
        (
            "surplus.off",
            b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n3 0 1 2\n",
            "and 5 lines follow",
        ),
        (
            "surplus.ply",
            b"ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\n"
            b"property float z\nelement face 1\nproperty list uchar int vertex_indices\n"
            b"end_header\n0 0 0\n1 0 0\n0 1 0\n3 0 1 2\n3 2 1 0\n",
            "holds more than its header states",
        ),
        ("zero.obj", b"v 0 0 0\nf 0 1 1\n", "line 2: index 0 does not exist"),
        ("back.obj", b"v 0 0 0\nv 1 0 0\nf -1 -2 -3\n", "line 3: index -3 does not exist"),
        ("far.obj", b"v 0 0 0\nv 1 0 0\nf 1 2 4\n", "line 3: names vertex 4, but there are 2"),
        ("word.obj", b"v 0 0 zero\n", "line 1: 'zero' is not a number"),
        ("comma.obj", b"v 0,5 1 1\n", "line 1: '0,5' is not a number; write the decimal sign"),
        ("short.obj", b"v 0 1\n", "line 1: holds 2 numbers; at least 3 are needed"),
        ("corner.obj", b"v 0 0 0\nf a/b c d\n", "line 2: 'a/b' is no corner of a face"),
        ("weight.obj", b"v 0 0 0 0.5\n", "line 1: the vertex has the weight 0.5"),
        (
            "texture.obj",
            b"v 0 0 0\nv 1 0 0\nv 0 1 0\nvt 0 0\nf 1/1 2/1 3/2\n",
            "names texture coordinates 2, but there are 1",
        ),
        ("curved.obj", b"v 0 0 0\nsurf 0 1 0 1 1 2 3\n", "'surf' is part of a free-form surface"),
        ("call.obj", b"call other.obj\n", "line 1: 'call' runs another file"),
        ("binary.obj", b"v 0 0\x00", "is not text"),
        ("cut.stl", bytes(80) + b"\x02\0\0\0" + bytes(60), "is damaged or cut short: 144 bytes"),
        (
            "cut2.stl",
            b"solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0",
            "'endsolid' is missing",
        ),
        ("loose.stl", b"solid x\nvertex 0 0 0\nendsolid", "line 2: a vertex outside a face"),
        ("binary.off", b"OFF BINARY\n\0\0", "is a binary OFF file"),
        ("four.off", b"4OFF\n1 1 0\n", "has vertices of more than three coordinates"),
        ("counts.off", b"OFF\nnan 1 0\n", "line 2: 'nan 1 0' are not the numbers of vertices"),
        ("cut.off", b"OFF\n3 1 0\n0 0 0\n", "is cut short: line 2 names 3 vertices and 1 faces"),
        ("face.off", b"OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1\n", "line 6: states 3 corners"),
        (
            "grid.ply",
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
            b"property float z\nelement range_grid 1\nproperty list uchar int vertex_indices\n"
            b"end_header\n0 0 0\n1 0\n",
            "is a range grid",
        ),
        (
            "flat.ply",
            b"ply\nformat ascii 1.0\nelement vertex 1\nproperty float x\nproperty float y\n"
            b"end_header\n0 0\n",
            "its vertices have no x, y and z",
        ),
        ("line.obj", b"v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 1\n", "all faces have no area"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value[:12] else "",
)
def test_a_broken_file_is_named(tmp_path, name, content, message):
    path = tmp_path / name
    if content is None:
        write_mesh(Mesh(CORNER, [(0, 1, 2)]), path)
        content = path.read_bytes()[:-20]
    path.write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: .*{re.escape(message)}"):
        read_mesh(path)


@settings(max_examples=60)
@given(data=st.data())
def test_a_damaged_file_is_read_or_refused_in_one_line(data):
    """Bytes cut off or altered at random: a mesh or an `InputError`, and nothing else."""
    write = data.draw(st.sampled_from((*writers.FLAT, *writers.TRIANGLES)))
    solid = (trimesh.creation.box().vertices, trimesh.creation.box().faces.tolist())
    files = write(solid)
    name = next(iter(files))
    content = bytearray(files[name])
    for _ in range(data.draw(st.integers(0, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))]
    with tempfile.TemporaryDirectory() as folder:
        for each, part in files.items():
            (Path(folder) / each).write_bytes(content if each == name else part)
        try:
            read = read_mesh_file(Path(folder) / name, fit=data.draw(st.booleans()))
        except InputError as refused:
            said = str(refused)
        else:
            said = f"{folder}/{name}: {read}" if np.isfinite(read.mesh.vertices).all() else "NaN"
        assert said.startswith(f"{folder}/{name}: ")


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


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("mesh.ply", lambda path: write_mesh(geometry(Sphere()), path)),
        ("picture.exr", lambda path: write_picture(Picture(NOISE), path)),
    ],
)
def test_a_full_disk_leaves_the_old_file(tmp_path, name, write):
    (tmp_path / name).write_text("old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(InputError, match=f"{name}: cannot be written"):
            write(tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (tmp_path / name).read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("write", [writers.gltf_beside, writers.ply_ascii])
def test_a_file_that_changed_is_read_again(tmp_path, write):
    """Of a glTF document, also where its buffer alone changed."""
    box = trimesh.creation.box()
    for size in (1, 2):
        solid = (size * np.asarray(box.vertices), box.faces.tolist())
        files = write(solid)
        for name, content in files.items():
            (tmp_path / name).write_bytes(content)
        read = read_mesh_file(tmp_path / next(iter(files)), fit=False)
        np.testing.assert_allclose(read.extents, size)


BALL = trimesh.creation.icosphere(subdivisions=1)


def ball_and(tmp_path, lines):
    """Write a ball and some more lines of OBJ; return what is read of it, fitted."""
    text = BALL.export(file_type="obj", include_normals=False) + "\n" + lines
    (tmp_path / "ball.obj").write_text(text)
    return read_mesh_file(tmp_path / "ball.obj", fit=True)


@pytest.mark.parametrize(
    "lines",
    ["v 100 0 0\nf 1 1 43\n", "v 100 0 0\nv 101 0 0\nv 102 0 0\nf 43 44 45\n"],
    ids=["two corners at one vertex", "three on a line"],
)
def test_faces_without_an_area_decide_neither_size_nor_centre(tmp_path, lines):
    read = ball_and(tmp_path, lines)
    np.testing.assert_allclose(np.linalg.norm(read.mesh.vertices, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(read.extents, np.ptp(BALL.vertices, axis=0), rtol=1e-6)
    assert "1 face without an area left out" in read.changes


def test_a_face_on_a_line_between_others_closes_the_surface(tmp_path):
    """A box whose edge is halved on one side, and the flat triangle that joins the halves."""
    text = trimesh.creation.box().export(file_type="obj", include_normals=False)
    mesh = trimesh.creation.box()
    a, b, c = mesh.faces[0]
    middle = (mesh.vertices[a] + mesh.vertices[b]) / 2
    faces = [*mesh.faces[1:].tolist(), [a, 8, c], [8, b, c], [a, b, 8]]
    lines = [f"v {x} {y} {z}" for x, y, z in [*mesh.vertices, middle]]
    lines += ["f " + " ".join(str(v + 1) for v in face) for face in faces]
    (tmp_path / "box.obj").write_text("\n".join(lines))
    assert text.count("f ") == 12
    read = read_mesh_file(tmp_path / "box.obj", fit=False)
    assert read.is_closed
    assert read.changes == ()


def test_a_surface_that_is_stored_both_ways_is_kept_once(tmp_path):
    both = np.vstack([BALL.faces, BALL.faces[:, ::-1]])
    trimesh.Trimesh(BALL.vertices, both, process=False).export(tmp_path / "both.ply")
    read = read_mesh_file(tmp_path / "both.ply", fit=False)
    assert read.is_closed
    assert read.changes == ("80 repeated faces left out",)


def test_a_vertex_that_no_face_uses_may_be_no_number(tmp_path):
    read = ball_and(tmp_path, "v nan nan nan\n")
    assert read.is_closed


def test_a_corner_without_texture_coordinates_may_name_number_0(tmp_path):
    (tmp_path / "m.obj").write_text("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1/0/0 2/0/0 3/0/0\n")
    assert read_mesh(tmp_path / "m.obj").uvs is None


@pytest.mark.parametrize("share", [1, 0.5])
def test_faces_without_shared_vertices_are_turned_outward(tmp_path, share, rng):
    """A surface in loose triangles with gaps between them, some or all turned inward."""
    ball = trimesh.creation.icosphere(subdivisions=3)
    corners = ball.triangles + 1e-4 * rng.normal(size=ball.triangles.shape)
    wrong = rng.random(len(corners)) < share
    corners[wrong] = corners[wrong][:, ::-1]
    loose = trimesh.Trimesh(corners.reshape(-1, 3), np.arange(3 * len(corners)).reshape(-1, 3),
                            process=False)  # fmt: skip
    loose.export(tmp_path / "loose.ply")
    mesh = read_mesh_file(tmp_path / "loose.ply", fit=False).mesh
    solid = trimesh.Trimesh(mesh.vertices, mesh.faces, process=False)
    outward = np.einsum("fd,fd->f", solid.triangles_center, solid.face_normals) > 0
    assert outward.all()


def test_texture_transforms_of_a_document_are_applied(tmp_path):
    solid = (CORNER.astype(float), [[0, 1, 2]])
    document = writers.simple(solid)
    uvs = document.accessor(np.array([(0, 0), (16, 0), (0, 8)], "<f4"))
    primitive = document.json["meshes"][0]["primitives"][0]
    primitive["attributes"]["TEXCOORD_1"] = uvs
    primitive["material"] = 0
    transform = {"scale": [1 / 16, 1 / 8], "offset": [0.25, 0], "rotation": np.pi / 2}
    texture = {"index": 0, "texCoord": 1, "extensions": {"KHR_texture_transform": transform}}
    document.json["materials"] = [{"pbrMetallicRoughness": {"baseColorTexture": texture}}]
    document.json["extensionsRequired"] = ["KHR_texture_transform"]
    document.node(mesh=0)
    (tmp_path / "s.glb").write_bytes(document.glb()["s.glb"])
    expected = [(0.25, 0), (0.25, 1), (-0.75, 0)]
    np.testing.assert_allclose(read_mesh(tmp_path / "s.glb").uvs, expected, atol=1e-6)

"""``mrd scenes``: names, and what is read from a file."""

import numpy as np
import pytest

from scenes.pictures.files import write_exr
from tests.paths import DATA
from tests.small_study import write_study

MESHES = DATA / "meshes"


def test_names_are_listed(mrd):
    code, out, err = mrd("scenes")
    assert (code, err) == (0, "")
    assert "bunny, suzanne, spot" in out
    assert "studio, forest, venice, lobby" in out
    assert "matte, glossy_plastic, brushed_metal, translucent" in out


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("star.off", "20 vertices, 36 triangles (of 12 polygons), extents 1.90211 × 1.80902 × 0.4"),
        (
            "inverted.obj",
            "closed, faces outward, no texture coordinates, changed: 320 of 320 faces",
        ),
        ("utm.obj", "extents 1 × 1 × 1"),
    ],
)
def test_a_mesh_is_checked(mrd, name, expected):
    code, out, _ = mrd("scenes", "--check", MESHES / name)
    assert code == 0
    assert out.startswith(f"{MESHES / name}: ")
    assert expected in out
    assert out.count("\n") == 1


@pytest.mark.parametrize(("width", "remark"), [(8, False), (12, True)])
def test_a_light_that_does_not_cover_the_sphere_is_remarked(mrd, tmp_path, width, remark):
    write_exr(np.ones((4, width, 3), np.float32), tmp_path / "sky.exr")
    code, out, _ = mrd("scenes", "--check", tmp_path / "sky.exr")
    assert code == 0
    assert ("can be a texture, but no environment map" in out) == remark


def test_the_files_of_a_study_are_checked(mrd, tmp_path):
    star = {
        "shape": {"kind": "mesh", "surface": "star.obj", "normals": "flat"},
        "cameras": {"kind": "single", "resolution": 24},
    }
    write_study(tmp_path, targets={"star": star})
    (tmp_path / "star.obj").write_bytes((MESHES / "star.obj").read_bytes())
    code, out, _ = mrd("scenes", "--check", tmp_path)
    assert code == 0
    first, second = out.splitlines()
    assert first.startswith(f"targets.star.shape.surface: {tmp_path / 'star.obj'}: 20 vertices")
    assert second == "targets.star: every camera sees the object"


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.obj", None, "no such mesh file"),
        ("table.csv", b"1,2", "is neither a mesh nor a picture that is read; use .obj, .ply"),
        ("scene.json", b"{}", "scene.json: "),
        ("broken.ply", b"ply\nformat", "has a broken PLY header"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused(mrd, tmp_path, name, content, message):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    code, out, error = mrd("scenes", "--check", tmp_path / name)
    assert (code, out) == (2, "")
    assert message in error
    assert error.count("\n") == 1

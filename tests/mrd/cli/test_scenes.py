"""``mrd scenes``: names, and what is read from a file."""

import numpy as np
import pytest

from scenes.pictures.files import write_exr
from tests.paths import DATA

MESHES = DATA / "meshes"

STUDY = """
name: own
targets:
  star:
    shape: {kind: mesh, surface: star.obj, normals: flat}
    cameras: {kind: single, resolution: 24}
models: {net: {network: pixels}}
searches: {material: {attributes: [material]}}
"""


def test_names_are_listed(mrd):
    code, said, _ = mrd("scenes")
    assert code == 0
    assert "bunny, suzanne" in said


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
    code, said, _ = mrd("scenes", "--check", MESHES / name)
    assert code == 0
    assert said.startswith(f"{MESHES / name}: ")
    assert expected in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(("width", "remark"), [(8, False), (12, True)])
def test_a_light_that_is_no_whole_sphere_is_remarked(mrd, tmp_path, width, remark):
    write_exr(np.ones((4, width, 3), np.float32), tmp_path / "sky.exr")
    code, said, _ = mrd("scenes", "--check", tmp_path / "sky.exr")
    assert code == 0
    assert ("can be a texture, but no environment map" in said) == remark


def test_the_files_of_a_study_are_checked(mrd, tmp_path):
    (tmp_path / "study.yaml").write_text(STUDY)
    (tmp_path / "star.obj").write_bytes((MESHES / "star.obj").read_bytes())
    code, said, _ = mrd("scenes", "--check", tmp_path)
    assert code == 0
    first, second = said.splitlines()
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
    code, said, told = mrd("scenes", "--check", tmp_path / name)
    assert (code, said) == (2, "")
    assert message in told
    assert told.count("\n") == 1

"""``mrd scenes``: names, and what is read from a file."""

import json
from pathlib import Path

import numpy as np
import pytest

from scenes.pictures.files import write_exr
from scenes.scene import Scene
from scenes.scene_files import write_scene, write_shared_scene
from scenes.shape import Sphere
from tests.paths import DATA
from tests.scenes.exported.gltf_rules import check
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


# ---- Export -------------------------------------------------------------------------------------


def test_a_scene_of_the_library_is_exported(mrd, tmp_path):
    code, out, error = mrd("scenes", "export", "bunny", "--out", tmp_path / "bunny.glb")
    assert (code, out) == (0, f"{tmp_path / 'bunny.glb'}\n")
    assert error.startswith("left out: lighting (environment map): ")
    check((tmp_path / "bunny.glb").read_bytes())


@pytest.mark.parametrize("options", [[], ["--format", "mitsuba"]])
def test_a_name_without_a_suffix_is_a_folder_for_mitsuba(mrd, tmp_path, options):
    write_scene(ball(1.0), tmp_path)
    arguments = ["scenes", "export", tmp_path / "scene.json", "--out", tmp_path / "out", *options]
    code, out, _ = mrd(*arguments)
    assert (code, out) == (0, f"{tmp_path / 'out'}\n")
    assert sorted(each.name for each in (tmp_path / "out").iterdir()) == ["object.ply", "scene.xml"]


def ball(radius):
    return Scene(name="ball", shape=Sphere(subdivisions=1, radius=radius)).loaded()


@pytest.fixture
def run(tmp_path):
    """Return the folder of a run with target, result, and two levels."""
    folder = tmp_path / "runs" / "ball-eye-form-s1-12345678"
    for name, radius in (("target", 1.0), ("result", 2.0)):
        write_scene(ball(radius), folder / name)
    rows = [
        {"role": "series", "index": 1, "scene": ball(1.5)},
        {"role": "control", "index": 1, "scene": ball(3.0)},
    ]
    for row in rows:
        row["scene"] = write_shared_scene(row["scene"], folder / "series" / "scenes").name
    (folder / "series" / "levels.json").write_text(json.dumps({"key": {}, "levels": rows}))
    return folder


def test_every_scene_of_a_run_is_exported(mrd, run, tmp_path):
    out = tmp_path / "out"
    code, printed, _ = mrd("scenes", "export", run, "--out", out, "--format", "glb")
    names = ["target.glb", "result.glb", "series-001.glb", "control-001.glb"]
    assert (code, printed.split()) == (0, [str(out / name) for name in names])
    assert sorted(each.name for each in out.iterdir()) == sorted(names)
    for name, radius in zip(names, (1, 2, 1.5, 3), strict=True):
        file = check((out / name).read_bytes())
        places = file.values(file.part("object")["attributes"]["POSITION"])
        np.testing.assert_allclose(np.linalg.norm(places, axis=1), radius, rtol=1e-6)


def test_every_scene_of_a_run_is_a_folder_of_mitsuba(mrd, run, tmp_path):
    out = tmp_path / "out"
    code, printed, _ = mrd("scenes", "export", run, "--out", out, "--format", "mitsuba")
    assert code == 0
    assert [Path(each).name for each in printed.split()] == [
        "target", "result", "series-001", "control-001",
    ]  # fmt: skip
    assert all((Path(each) / "scene.xml").is_file() for each in printed.split())


def test_half_of_a_run_is_not_exported(mrd, run, tmp_path):
    (run / "result" / "scene.json").write_text("{")
    arguments = ["scenes", "export", run, "--out", tmp_path / "out", "--format", "glb"]
    code, out, error = mrd(*arguments)
    assert (code, out) == (2, "")
    assert error.startswith(f"error: result: {run}")
    assert [each.name for each in tmp_path.iterdir()] == ["runs"]


@pytest.mark.parametrize(
    ("scene", "out", "options", "message"),
    [
        ("bunny", "bunny.obj", [], "'.obj' is no suffix of an exported scene; use .glb, or a"),
        ("bunni", "bunny.glb", [], "no scene is called 'bunni'; did you mean 'bunny'?"),
        ("bunny", "bunny.glb", ["--format", "usd"], "'usd' is not one of 'glb', 'mitsuba'"),
        (".", "out", ["--format", "glb"], "holds no scene of a run; name the folder of a run"),
        ("RUN", "out", [], "the scenes of a run need --format glb or --format mitsuba"),
        ("RUN", "taken", ["--format", "glb"], "taken: already exists; name a new folder"),
    ],
)
def test_a_wrong_export_is_refused(mrd, run, tmp_path, monkeypatch, scene, out, options, message):
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").touch()
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    code, printed, error = mrd(
        "scenes", "export", run if scene == "RUN" else scene, "--out", out, *options
    )
    assert (code, printed) == (2, "")
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("content", ["[]", '{"levels": [{}]}', '{"levels": 3}', "{"])
def test_a_damaged_list_of_levels_is_named(mrd, run, tmp_path, content):
    (run / "series" / "levels.json").write_text(content)
    code, _, error = mrd("scenes", "export", run, "--out", tmp_path / "out", "--format", "glb")
    assert code == 2
    assert "levels.json: is no list of levels; remove it, and run mrd generate" in error

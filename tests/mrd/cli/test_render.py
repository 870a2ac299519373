"""``mrd render`` of a study: a folder for each target, or nothing at all."""

import imageio.v3 as imageio
import pytest
import trimesh

from tests.small_study import write_study

CUP = {
    "shape": {"kind": "mesh", "surface": "cup.ply"},
    "material": {"preset": "matte", "base_color": [0.8, 0.2, 0.1]},
    "lighting": {"kind": "constant", "radiance": 1.0},
    "cameras": {"kind": "single", "resolution": 24},
}
BALL = {"shape": {"kind": "sphere"}, "cameras": {"kind": "ring", "count": 2, "resolution": 16}}


@pytest.fixture
def own(tmp_path):
    """Give a study of a mesh file and of a sphere."""
    folder = write_study(tmp_path / "own", targets={"cup": CUP, "ball": BALL})
    trimesh.creation.capsule().export(folder / "cup.ply")
    return folder


@pytest.mark.parametrize("named", ["", "study.yaml"])
def test_every_target_of_a_study_is_rendered(mrd, own, tmp_path, named):
    out = tmp_path / "seen"
    code, printed, _ = mrd("render", own / named, "--out", out, "--samples", "4")
    assert code == 0
    images = [out / "cup" / "c0", out / "ball" / "c0", out / "ball" / "c1"]
    assert printed.split() == [f"{image}{end}" for image in images for end in (".exr", ".png")]
    shown = imageio.imread(out / "cup" / "c0.png")
    assert shown.shape == (24, 24, 3)
    red, _, blue = shown[12, 12]
    assert red > blue + 50


def test_what_was_read_is_printed_to_standard_error(mrd, own, tmp_path):
    code, printed, error = mrd("render", own, "--out", tmp_path / "seen", "--samples", "1")
    assert code == 0
    assert "cup.ply" not in printed
    assert error.startswith("targets.cup.shape.surface: ")
    assert "closed, faces outward, no texture coordinates, nothing changed" in error


def test_a_folder_may_have_the_name_of_a_scene(mrd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bunny").mkdir()
    code, printed, _ = mrd("render", "bunny", "--out", "bunny", "--samples", "1")
    assert code == 0
    assert "bunny/c0.png" in printed


def test_nothing_is_written_if_a_target_cannot_be_read(mrd, own, tmp_path):
    missing = {"shape": {"kind": "mesh", "surface": "no.ply"}}
    write_study(own, targets={"cup": CUP, "ball": missing})
    code, printed, error = mrd("render", own, "--out", tmp_path / "seen")
    assert (code, printed) == (2, "")
    assert error.startswith("error: targets.ball: ")
    assert error.count("\n") == 1
    assert not (tmp_path / "seen").exists()


def test_aovs_are_written_for_every_target(mrd, own, tmp_path):
    arguments = ["render", own, "--out", tmp_path / "seen", "--samples", "1"]
    code, printed, _ = mrd(*arguments, "--aov", "mask,object")
    assert code == 0
    for name in ("cup/c0_mask.exr", "ball/c1_object.exr", "ball/objects.json"):
        assert f"{tmp_path / 'seen' / name}" in printed.split()
        assert (tmp_path / "seen" / name).is_file()


def test_an_unknown_kind_of_aov_is_refused_before_anything_is_written(mrd, own, tmp_path):
    code, printed, error = mrd("render", own, "--out", tmp_path / "seen", "--aov", "depth;mask")
    assert (code, printed) == (2, "")
    assert error.startswith("error: --aov: no kind is called 'depth;mask'")
    assert not (tmp_path / "seen").exists()

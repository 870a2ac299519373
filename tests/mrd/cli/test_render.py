"""``mrd render`` of a study: every target in a folder of its own, or nothing at all."""

import imageio.v3 as imageio
import pytest
import trimesh

STUDY = """
name: own
targets:
  cup:
    shape: {kind: mesh, surface: cup.ply}
    material: {preset: matte, base_color: [0.8, 0.2, 0.1]}
    lighting: {kind: constant, radiance: 1.0}
    cameras: {kind: single, resolution: 24}
  ball: {shape: {kind: sphere}, cameras: {kind: ring, count: 2, resolution: 16}}
models: {net: {network: pixels}}
searches: {material: {attributes: [material]}}
"""


@pytest.fixture
def own(tmp_path):
    """Give a study of a mesh file beside it, and of a sphere."""
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY)
    trimesh.creation.capsule().export(folder / "cup.ply")
    return folder


@pytest.mark.parametrize("named", ["", "study.yaml"])
def test_every_target_of_a_study_is_rendered(mrd, own, tmp_path, named):
    out = tmp_path / "seen"
    code, said, _ = mrd("render", own / named, "--out", out, "--samples", "4")
    assert code == 0
    images = [out / "cup" / "c0", out / "ball" / "c0", out / "ball" / "c1"]
    assert said.split() == [f"{image}{end}" for image in images for end in (".exr", ".png")]
    shown = imageio.imread(out / "cup" / "c0.png")
    assert shown.shape == (24, 24, 3)
    red, _, blue = shown[12, 12]
    assert red > blue + 50


def test_what_was_read_is_said_beside_the_names_of_the_images(mrd, own, tmp_path):
    code, said, told = mrd("render", own, "--out", tmp_path / "seen", "--samples", "1")
    assert code == 0
    assert "cup.ply" not in said
    assert told.startswith("targets.cup.shape.surface: ")
    assert "closed, faces outward, no texture coordinates, nothing changed" in told


def test_a_folder_may_be_named_as_a_scene_is(mrd, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bunny").mkdir()
    code, said, _ = mrd("render", "bunny", "--out", "bunny", "--samples", "1")
    assert code == 0
    assert "bunny/c0.png" in said


def test_a_target_that_cannot_be_read_leaves_nothing(mrd, own, tmp_path):
    text = (own / "study.yaml").read_text()
    (own / "study.yaml").write_text(text.replace("{kind: sphere}", "{kind: mesh, surface: no.ply}"))
    code, said, told = mrd("render", own, "--out", tmp_path / "seen")
    assert (code, said) == (2, "")
    assert told.startswith("error: targets.ball: ")
    assert told.count("\n") == 1
    assert not (tmp_path / "seen").exists()

"""``mrd scenes import``: printed lines and exit codes."""

import pytest

from scenes.scene_files import read_scene
from tests.scenes.imported.gltf_files import TRIANGLE, Gltf


def two_objects(path):
    """Write a GLB with two objects, a lamp and an animation."""
    lights = "KHR_lights_punctual"
    gltf = Gltf(
        nodes=[
            {"mesh": 0, "name": "sail", "scale": [2, 2, 2]},
            {"mesh": 1, "name": "mast", "translation": [0, 1, 0]},
            {"name": "bulb", "extensions": {lights: {"light": 0}}, "translation": [0, 0, 4]},
        ],
        extensions={lights: {"lights": [{"type": "point", "intensity": 683}]}},
        animations=[{}],
    )
    gltf.mesh(gltf.primitive(TRIANGLE))
    gltf.mesh(gltf.primitive(TRIANGLE), gltf.primitive(TRIANGLE + 1))
    return gltf.write(path)


def test_a_scene_is_imported(mrd, tmp_path):
    path, out = two_objects(tmp_path / "boat.glb"), tmp_path / "boat"
    code, printed, err = mrd("scenes", "import", path, "--out", out, "--object", "sail")
    assert (code, err) == (0, "")
    lines = printed.splitlines()
    assert lines == [
        "searched object: sail",
        "further objects: mast",
        "units: metres, y up; moved by (-1, -1, 0), then scaled by 0.7071: 1 scene unit is 1.414 "
        "of the file",
        "intensities of points and spots: multiplied by 0.5",
        "lamps: bulb",
        "light of the environment: none, there are lamps",
        "cameras: none in the file that can be used; ring of 4 used",
        "not imported: animations",
        str(out / "scene.json"),
    ]
    assert read_scene(out / "scene.json").object == "sail"
    code, printed, _ = mrd("scenes", "--check", out / "scene.json")
    assert (code, "every camera sees the object" in printed) == (0, True)
    assert "faces, " in printed
    assert ": lights: environment (" in printed


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("boat.glb", "--strict"), "boat.glb: 1 thing cannot be imported: animations; remove it"),
        (("boat.glb", "--object", "sial"), "no object is called 'sial'; did you mean 'sail'?"),
        (("none.glb",), "none.glb: no such scene file; check the path"),
        (("boat.fbx",), "'.fbx' is no kind of scene that is imported; use .glb, .gltf, .xml"),
        (("boat.glb", "--out", "full"), "full: already exists; name a new folder"),
    ],
    ids=["strict", "object", "missing", "kind", "folder"],
)
def test_a_scene_that_cannot_be_imported_is_refused(mrd, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    two_objects(tmp_path / "boat.glb")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    out = () if "--out" in words else ("--out", "boat")
    code, printed, error = mrd("scenes", "import", *words, *out)
    assert (code, printed) == (2, "")
    assert message in error
    assert error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before

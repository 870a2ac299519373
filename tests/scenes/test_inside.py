"""Names of files in records lead nowhere but below their folder."""

import json
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.errors import InputError
from scenes.inside import inside, is_inside
from scenes.scene import Scene, read_scene, write_scene
from scenes.shape import MeshShape

OUT = (
    "../victim.txt", "../../victim.txt", "a/../../victim.txt", "a/..", "..", "/etc/hosts", "//h/x",
    "C:\\x", "C:x", "\\\\host\\share\\x", "..\\x", "\\x", "", "a\0b", None, 3, ["x"], {"file": "x"},
)  # fmt: skip


@pytest.mark.parametrize("name", OUT)
def test_names_that_lead_out_are_refused(tmp_path, name):
    assert not is_inside(name)
    with pytest.raises(InputError, match=r"record.json: '.*' does not name a file below .*; write"):
        inside(tmp_path, name, tmp_path / "record.json")


@pytest.mark.parametrize("name", ["a.ply", "a/b c.exr", "..a", "a..b/…", "~", "日本.png", ".h"])
def test_other_names_are_paths(tmp_path, name):
    assert inside(tmp_path, name, tmp_path / "record.json") == tmp_path / name


@given(st.text(alphabet="./\\ab:~\0", max_size=12))
def test_no_name_leads_out(tmp_path_factory, name):
    folder = tmp_path_factory.getbasetemp() / "home"
    try:
        path = inside(folder, name, folder / "record.json")
    except InputError:
        return
    assert path.resolve().is_relative_to(folder.resolve())


def test_links_that_lead_out_are_refused_and_the_folder_may_be_one(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "victim.txt").write_text("mine")
    (home / "link.txt").symlink_to(tmp_path / "victim.txt")
    (home / "up").symlink_to(tmp_path)
    (home / "round").symlink_to(home / "round")
    (home / "near.txt").symlink_to(home / "real.txt")
    (tmp_path / "name").symlink_to(home)
    for name in ("link.txt", "up/victim.txt", "up"):
        with pytest.raises(InputError, match=r"is a link that leads out of .*home, where files"):
            inside(home, name, home / "record.json")
    assert inside(home, "near.txt", home / "record.json") == home / "near.txt"
    assert inside(tmp_path / "name", "a.txt", home / "record.json") == tmp_path / "name" / "a.txt"


@pytest.mark.parametrize("name", ["../mesh.ply", "link.ply", "MESH"])
def test_a_scene_names_no_file_elsewhere(tmp_path, name):
    """Neither with `..`, nor by a link, nor absolute: not even with the right hash."""
    scene = Scene(name="a", shape=MeshShape(surface="bunny")).loaded()
    folder = tmp_path / "scene"
    path = write_scene(scene, folder)
    [mesh] = folder.glob("*.ply")
    shutil.move(mesh, tmp_path / "mesh.ply")
    (folder / "link.ply").symlink_to(tmp_path / "mesh.ply")
    content = json.loads(path.read_text(encoding="utf-8"))
    content["shape"]["surface"]["file"] = name.replace("MESH", str(tmp_path / "mesh.ply"))
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"does not name a file below|is a link that leads out"):
        read_scene(path)

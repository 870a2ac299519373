"""Names of files in records lead nowhere but below their folder."""

import json
import os
import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes.base.errors import InputError
from scenes.base.inside_folder import inside, is_inside
from scenes.scene import Scene
from scenes.scene_files import read_scene, write_scene
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


def test_linked_folders_that_lead_out_are_refused_and_files_may_be_links(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "victim.txt").write_text("mine")
    (home / "link.txt").symlink_to(tmp_path / "victim.txt")
    (home / "up").symlink_to(tmp_path)
    (home / "round").symlink_to(home / "round")
    (home / "near.txt").symlink_to(home / "real.txt")
    (home / "gone.txt").symlink_to(tmp_path / "gone" / "gone.txt")
    (tmp_path / "name").symlink_to(home)
    for name in ("up/victim.txt", "up/home/../victim.txt", "up"):
        message = r"is reached by a linked folder that leads out of .*home, where files|not name a"
        with pytest.raises(InputError, match=message):
            inside(home, name, home / "record.json")
    for name in ("round", "round/x"):
        with pytest.raises(InputError, match=r"in a circle of links|leads out of"):
            inside(home, name, home / "record.json")
    for name in ("near.txt", "link.txt", "gone.txt", "up/home/link.txt", "."):
        assert inside(home, name, home / "record.json") == home / name
    assert inside(tmp_path / "name", "a.txt", home / "record.json") == tmp_path / "name" / "a.txt"


@pytest.mark.parametrize("name", ["../mesh.ply", "up/mesh.ply", "MESH"])
def test_a_scene_names_no_file_elsewhere(tmp_path, name):
    """Neither with `..`, nor by a linked folder, nor absolute: not even with the right hash."""
    scene = Scene(name="a", shape=MeshShape(surface="bunny")).loaded()
    folder = tmp_path / "scene"
    path = write_scene(scene, folder)
    [mesh] = folder.glob("*.ply")
    shutil.move(mesh, tmp_path / "mesh.ply")
    (folder / "up").symlink_to(tmp_path)
    content = json.loads(path.read_text(encoding="utf-8"))
    content["objects"]["object"]["shape"]["surface"]["file"] = name.replace(
        "MESH", str(tmp_path / "mesh.ply")
    )
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"does not name a file below|linked folder that leads"):
        read_scene(path)


def annexed(folder, where):
    """Move files of a folder and put relative links in their place, as git-annex does."""
    where.mkdir(parents=True)
    for path in list(folder.iterdir()):
        moved = path.rename(where / path.name)
        path.symlink_to(os.path.relpath(moved, folder))


def test_the_files_of_a_scene_may_be_links(tmp_path):
    scene = Scene(name="a", shape=MeshShape(surface="bunny")).loaded()
    path = write_scene(scene, tmp_path / "scene")
    annexed(tmp_path / "scene", tmp_path / ".git/annex/objects")
    assert read_scene(path).sha256 == scene.sha256
    [mesh] = (tmp_path / ".git/annex/objects").glob("*.ply")
    mesh.write_bytes(mesh.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"is not the file that was written with scene.json"):
        read_scene(path)
    mesh.unlink()  # as before git annex get
    with pytest.raises(InputError, match=r"\.ply: missing; scene.json needs it"):
        read_scene(path)

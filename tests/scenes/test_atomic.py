import os
import stat

import pytest

from scenes.atomic import check_writable, remove_leftovers, whole_file, whole_folder
from scenes.errors import InputError


def test_a_file_appears_whole_and_its_folder_with_it(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with whole_file(path) as beside:
        beside.write_text("content")
        assert beside.parent == path.parent
        assert beside.suffix == ".txt"
        assert not path.exists()
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")

    def fail_in_the_middle():
        with whole_file(path) as beside:
            beside.write_text("half")
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        fail_in_the_middle()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_the_file_has_the_rights_that_the_user_gives_to_new_files(tmp_path):
    (tmp_path / "plain").touch()
    with whole_file(tmp_path / "ours") as beside:
        beside.touch()
    modes = [(tmp_path / name).stat().st_mode for name in ("plain", "ours")]
    assert modes[0] == modes[1]


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "taken" / "inside").mkdir(parents=True)

    def write():
        with whole_file(tmp_path / "taken") as beside:
            beside.touch()

    with pytest.raises(InputError, match="taken: cannot be written: "):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["taken"]


def test_a_folder_that_can_be_written_is_made_and_left_empty(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match=r"file/inside: cannot be written: Not a directory"):
        check_writable(tmp_path / "file" / "inside")


@pytest.mark.skipif(os.name == "nt", reason="Windows opens no folders")
def test_the_folder_is_synced_after_the_rename(tmp_path, monkeypatch):
    synced = []
    real = os.fsync

    def fsync(handle):
        synced.append((stat.S_ISDIR(os.fstat(handle).st_mode), (tmp_path / "file").exists()))
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with whole_file(tmp_path / "file") as beside:
        beside.touch()
    assert synced == [(False, False), (True, True)]


def test_a_folder_appears_whole(tmp_path):
    path = tmp_path / "new" / "folder"
    with whole_folder(path) as beside:
        (beside / "file.txt").write_text("content")
        assert not path.exists()
    assert (path / "file.txt").read_text() == "content"
    assert list(path.parent.iterdir()) == [path]
    (tmp_path / "plain").mkdir()
    assert path.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_that_fails_leaves_nothing(tmp_path):
    def fail_in_the_middle():
        with whole_folder(tmp_path / "folder") as beside:
            (beside / "file.txt").write_text("half")
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        fail_in_the_middle()
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_and_a_full_one_refused(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    with whole_folder(path) as beside:
        (beside / "file.txt").write_text("content")
    message = "folder: is there already; name a new folder, or remove that one"
    with pytest.raises(InputError, match=message), whole_folder(path):
        pass
    with pytest.raises(InputError, match="is there already"), whole_folder(path / "file.txt"):
        pass
    assert (path / "file.txt").read_text() == "content"


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path):
    kept = [
        "s.h5",
        ".s.h5.lock",
        ".s-2-abcd_123.h5",  # of s-2.h5
        ".s-abcd_123.csv",  # of s.csv
        ".s-abcd_1234.h5",  # nothing of tempfile's
        ".st-abcd_123.h5",
        ".[s]-abcd_123.h5",
    ]
    for name in [*kept, ".s-abcd_123.h5", ".s-00000000.h5"]:
        (tmp_path / name).touch()
    remove_leftovers(tmp_path / "s.h5")
    assert {path.name for path in tmp_path.iterdir()} == set(kept)
    remove_leftovers(tmp_path / "[s].h5")
    assert not (tmp_path / ".[s]-abcd_123.h5").exists()


def test_the_names_that_are_removed_are_those_that_are_given(tmp_path):
    file, folder = tmp_path / "file.tar.gz", tmp_path / "folder.1"
    with whole_file(file) as beside_file, whole_folder(folder) as beside_folder:
        names = [beside_file.name, beside_folder.name]
    (tmp_path / names[0]).touch()
    (tmp_path / names[1]).mkdir()
    (tmp_path / names[1] / "half").touch()
    for path in (file, folder):
        remove_leftovers(path)
    assert sorted(tmp_path.iterdir()) == [file, folder]

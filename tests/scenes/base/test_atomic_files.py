import os
import stat
import tempfile
from pathlib import Path

import pytest

from scenes.base.atomic_files import check_writable, remove_leftovers, whole_file, whole_folder
from scenes.base.errors import InputError


def test_a_file_appears_whole_and_its_folder_with_it(tmp_path):
    path = tmp_path / "new" / "file.txt"
    with whole_file(path) as beside:
        beside.write_text("content")
        assert beside.parent == path.parent
        assert beside.suffix == ".txt"
        assert not path.exists()
    assert path.read_text() == "content"
    assert list(path.parent.iterdir()) == [path]


def fail_in_the_middle(path):
    def fail():
        with whole_file(path) as beside:
            beside.write_text("half")
            raise KeyError("stopped")

    with pytest.raises(KeyError, match="stopped"):
        fail()


def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "file.txt"
    path.write_text("old")
    fail_in_the_middle(path)
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
    message = "folder: already exists; name a new folder, or remove that one"
    with pytest.raises(InputError, match=message), whole_folder(path):
        pass
    with pytest.raises(InputError, match="already exists"), whole_folder(path / "file.txt"):
        pass
    assert (path / "file.txt").read_text() == "content"


def test_only_leftovers_of_killed_processes_are_removed(tmp_path):
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


# ---- Symbolic links ------------------------------------------------------------------------------

SHARED = Path("/dev/shm")  # another file system, on most systems


def write(path, text="new"):
    with whole_file(path) as beside:
        beside.write_text(text)
        return beside


@pytest.fixture
def linked(tmp_path):
    """Give a link in one folder to a file in another."""
    for name in ("study", "scratch"):
        (tmp_path / name).mkdir()
    link, real = tmp_path / "study" / "stimuli.h5", tmp_path / "scratch" / "large-file.bin"
    link.symlink_to(real)
    return link, real


def test_a_link_stays_a_link_and_its_file_is_replaced(linked):
    link, real = linked
    real.write_text("old")
    beside = write(link)
    assert (beside.parent, beside.suffix) == (real.parent, ".h5")
    assert link.is_symlink()
    assert real.read_text() == link.read_text() == "new"
    assert [list(each.parent.iterdir()) for each in linked] == [[link], [real]]


def test_links_of_links_and_relative_links_are_followed(linked, tmp_path):
    link, real = linked
    (link.parent / "again").symlink_to("stimuli.h5")
    (tmp_path / "up").symlink_to(Path("study") / "again")
    write(tmp_path / "up")
    assert real.read_text() == "new"
    assert link.is_symlink()
    assert (tmp_path / "up").is_symlink()


def test_a_link_to_a_file_that_is_missing_makes_it(linked):
    link, real = linked
    write(link)
    assert link.is_symlink()
    assert real.read_text() == "new"


def test_a_link_into_a_folder_that_is_missing_is_refused(linked):
    link, real = linked
    real.parent.rmdir()
    with pytest.raises(
        InputError, match=r"stimuli.h5: is a link to .*bin, whose folder is missing"
    ):
        write(link)
    assert not real.parent.exists()
    assert link.is_symlink()


def test_a_circle_of_links_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    for work in (write, remove_leftovers):
        with pytest.raises(InputError, match=r"a: is a link in a circle of links; remove"):
            work(tmp_path / "a")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["a", "b"]


def test_a_failure_leaves_link_and_file(linked):
    link, real = linked
    real.write_text("old")
    fail_in_the_middle(link)
    assert link.is_symlink()
    assert real.read_text() == "old"
    assert [list(each.parent.iterdir()) for each in linked] == [[link], [real]]


def test_leftovers_of_a_link_are_beside_its_target(linked):
    link, real = linked
    killed = real.parent / ".stimuli-abcd0123.h5"
    killed.touch()
    other = real.parent / ".large-file-abcd0123.bin"
    other.touch()
    remove_leftovers(link)
    assert not killed.exists()
    assert other.exists()


@pytest.mark.skipif(
    not SHARED.is_dir() or SHARED.stat().st_dev == Path(tempfile.gettempdir()).stat().st_dev,
    reason="there is one file system",
)
def test_a_link_to_another_file_system_is_followed(tmp_path):
    with tempfile.TemporaryDirectory(dir=SHARED) as name:
        real = Path(name) / "stimuli.h5"
        real.write_text("old")
        (tmp_path / "stimuli.h5").symlink_to(real)
        write(tmp_path / "stimuli.h5")
        assert real.read_text() == "new"
        assert (tmp_path / "stimuli.h5").is_symlink()
        assert list(Path(name).iterdir()) == [real]


def test_the_target_of_a_linked_folder_is_filled(tmp_path):
    (tmp_path / "scratch" / "page").mkdir(parents=True)
    (tmp_path / "page").symlink_to(tmp_path / "scratch" / "page")
    (tmp_path / "gone").symlink_to(tmp_path / "scratch" / "other")
    for name, real in (("page", "page"), ("gone", "other")):
        with whole_folder(tmp_path / name) as beside:
            (beside / "index.html").write_text("new")
        assert (tmp_path / name).is_symlink()
        assert (tmp_path / "scratch" / real / "index.html").read_text() == "new"
    assert sorted(each.name for each in (tmp_path / "scratch").iterdir()) == ["other", "page"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has other rights")
@pytest.mark.parametrize("rights", [0o600, 0o640, 0o664, 0o444])
def test_a_file_that_is_replaced_gives_its_rights_to_the_new_one(linked, tmp_path, rights):
    link, real = linked
    for path, behind in ((link, real), (tmp_path / "plain.txt", tmp_path / "plain.txt")):
        behind.write_text("old")
        behind.chmod(rights)
        write(path)
        assert path.read_text() == "new"
        assert stat.S_IMODE(behind.stat().st_mode) == rights

import pytest

from scenes.atomic import whole_file
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

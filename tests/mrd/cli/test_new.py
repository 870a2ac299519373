"""``mrd new``: a study that runs as it is, and what it refuses."""

import pytest

from mrd.study.new import name_of
from mrd.study.study import grid, read_study, resolve_all


def test_a_new_study_is_whole(mrd, tmp_path):
    folder = tmp_path / "my study"
    code, out, _ = mrd("new", folder)
    assert code == 0
    assert f"mrd run '{folder}'" in out
    study = read_study(folder)
    assert study.name == "my-study"
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]
    assert [run.label for run in grid(study)] == ["bunny_studio-efficientnet-material-s1"]
    assert len(resolve_all(study)) == 1  # files that it names are there
    assert study.series is not None
    assert study.experiment is not None
    text = (folder / "study.yaml").read_text()
    assert "NAME" not in text.replace("NETWORK", "")
    assert "DIR" not in text


def test_a_study_that_is_there_is_left_alone(mrd, tmp_path):
    (tmp_path / "study.yaml").write_text("mine")
    code, _, error = mrd("new", tmp_path)
    assert code == 2
    assert "study.yaml: there is a study already; name another folder" in error
    assert (tmp_path / "study.yaml").read_text() == "mine"


def test_a_name_that_is_none_is_refused_before_anything_is_made(mrd, tmp_path):
    code, _, error = mrd("new", tmp_path / "a", "--name", "My Study")
    assert code == 2
    assert "--name: 'My Study' cannot name a file or folder" in error
    assert list(tmp_path.iterdir()) == []
    assert mrd("new", tmp_path / "a", "--name", "2024")[0] == 0
    assert read_study(tmp_path / "a").name == "2024"


@pytest.mark.parametrize(
    ("folder", "name"), [("Glänzend 2", "gl-nzend-2"), ("__", "study"), ("x" * 60, "x" * 40)]
)
def test_folders_lend_their_names(tmp_path, folder, name):
    assert name_of(tmp_path / folder) == name

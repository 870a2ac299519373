"""``mrd new``: the study that it writes, and what it refuses."""

import pytest

from mrd.study.new import name_of
from mrd.study.study import grid, read_study, resolve_all


def test_a_new_study_is_complete(mrd, tmp_path):
    folder = tmp_path / "my study"
    code, out, _ = mrd("new", folder)
    assert code == 0
    assert f"mrd run '{folder}'" in out
    study = read_study(folder)
    assert study.name == "my-study"
    assert [path.name for path in folder.iterdir()] == ["study.yaml"]
    assert [run.label for run in grid(study)] == ["bunny_studio-efficientnet-material-s1"]
    assert len(resolve_all(study)) == 1  # the files that it names exist
    assert study.series is not None
    assert study.experiment is not None
    text = (folder / "study.yaml").read_text()
    assert "NAME" not in text.replace("NETWORK", "")
    assert "DIR" not in text


def test_an_existing_study_is_not_overwritten(mrd, tmp_path):
    (tmp_path / "study.yaml").write_text("mine")
    code, _, error = mrd("new", tmp_path)
    assert code == 2
    assert "study.yaml: there is a study already; name another folder" in error
    assert (tmp_path / "study.yaml").read_text() == "mine"


def test_a_name_that_is_not_allowed_is_refused_before_anything_is_written(mrd, tmp_path):
    code, _, error = mrd("new", tmp_path / "a", "--name", "My Study")
    assert code == 2
    assert "--name: 'My Study' cannot name a file or folder" in error
    assert list(tmp_path.iterdir()) == []
    assert mrd("new", tmp_path / "a", "--name", "2024")[0] == 0
    assert read_study(tmp_path / "a").name == "2024"


@pytest.mark.parametrize(
    ("folder", "name"), [("Glänzend 2", "gl-nzend-2"), ("__", "study"), ("x" * 60, "x" * 40)]
)
def test_a_name_is_derived_from_that_of_the_folder(tmp_path, folder, name):
    assert name_of(tmp_path / folder) == name

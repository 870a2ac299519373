"""A study from before the code moved into folders is read, and nothing of it is made again."""

import re
import shutil

import pytest

from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from psychophysics.data.data_set import read_sessions
from scenes.scene_files import read_scene
from stimuli.check import problems
from stimuli.stimulus_set import StimulusSet
from tests.end_to_end.tiny import contents
from tests.paths import DATA


@pytest.fixture
def old_study(tmp_path):
    """Return a copy of a study of version 0.1.0: runs, images, set, embeddings and two sessions."""
    return shutil.copytree(DATA / "old_study", tmp_path / "old_study")


def test_runs_keep_their_names_and_results(old_study):
    (run,) = resolve_all(read_study(old_study))
    directory = RunDirectory(old_study / "runs" / run.name)
    assert directory.status() == "done"
    assert directory.judgement()["verdict"] == "metamer"
    for name in ("target", "start", "result"):
        read_scene(directory.path / name / "scene.json")  # checks its hash


def test_generate_and_build_do_nothing(old_study, mrd):
    before = contents(old_study)
    code, out, err = mrd("generate", old_study)
    assert (code, err) == (0, "")
    assert "metamer" in out
    code, _, err = mrd("stimuli", "build", old_study)
    assert (code, err) == (0, "")
    left = contents(old_study)
    assert {path: left[path] for path in before} == before


def test_set_and_sessions_are_read(old_study):
    assert problems(old_study / "stimuli.h5") == []
    with StimulusSet(old_study / "stimuli.h5") as stimuli:
        assert stimuli.models == {"eye": ("pixels",)}
        assert len(stimuli.table) == 20
    sessions = read_sessions(old_study / "data-simulated")
    assert sessions["participant"].nunique() == 2
    assert sessions["finished"].all()


def test_finished_steps_are_done(old_study, mrd):
    _, out, _ = mrd("status", old_study)
    for step in ("generate", "build"):
        assert re.search(rf"^\[x\] {step} +done", out, re.MULTILINE), out
    assert "18 of 20 sessions" in out  # two of the simulated observers have answered

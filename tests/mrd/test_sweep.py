"""Many runs: what is found out before the first render, and how a run's failure is told."""

import queue

import pytest

from mrd import metamer, sweep
from mrd.run import RunDirectory
from mrd.study import read_study, resolve_all
from scenes.errors import InputError

STUDY = """\
name: demo
targets:
  ball:
    shape: {kind: sphere, subdivisions: 1}
    cameras: {kind: single, resolution: 16}
models:
  sees: {network: pixels}
searches:
  light: {attributes: [lighting], steps: 4}
"""


@pytest.fixture
def study(tmp_path):
    """Give a study with some of its text replaced."""

    def study(*replacements):
        text = STUDY
        for old, new in replacements:
            assert text.count(old) == 1, f"{old!r} must occur once"
            text = text.replace(old, new)
        (tmp_path / "study.yaml").write_text(text)
        return read_study(tmp_path)

    return study


class Silent:
    """Is told nothing, for no run begins."""


# ---- Before anything is rendered ---------------------------------------------------------------


def test_a_sound_study_passes_and_nothing_is_written(study, tmp_path):
    sweep.check(resolve_all(study()))
    assert [path.name for path in tmp_path.iterdir()] == ["study.yaml"]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            "{network: 'vit_b_32', weights: none}",
            r"models.sees on targets.ball: vit_b_32 takes images of 224×224 pixels "
            "alone, not 16×16: set the resolution of the cameras to 224",
        ),
        (
            "{network: 'resnet18', weights: none, layers: [layer1.0.relu]}",
            r"models.sees on targets.ball: layers: 'layer1.0.relu' of resnet18 runs "
            "2 times for one image",
        ),
        ("{network: pixels, layers: [retina]}", r"models.sees: pixels has no layer 'retina'"),
    ],
)
def test_a_model_that_cannot_see_a_target_is_refused_before_any_run(study, model, message):
    described = study(("{network: pixels}", model))
    with pytest.raises(InputError, match=message):
        sweep.generate(described, Silent())
    assert not described.runs.exists()


def test_every_size_of_image_is_tried(study):
    described = study(
        (
            "16}\n",
            "64}\n  small:\n    shape: {kind: sphere}\n"
            "    cameras: {kind: single, resolution: 16}\n",
        ),
        ("{network: pixels}", "{network: 'squeezenet1_0', weights: none}"),
    )
    sizes = {run.target.cameras.resolution for run in resolve_all(described)}
    assert sizes == {64, 16}
    with pytest.raises(InputError, match=r"models.sees on targets.small: .* not 16×16"):
        sweep.check(resolve_all(described))


# ---- In the process of a run -------------------------------------------------------------------


@pytest.fixture
def run(study):
    """Give a run, its folder, and what its process tells last (here it is this one)."""
    described = study()
    (resolved,) = resolve_all(described)

    def told():
        messages = queue.Queue()
        sweep._work(resolved, described.runs, messages)
        return messages.get_nowait()

    return resolved, described.runs / resolved.name, told


def test_what_the_user_can_mend_is_told_as_such_without_a_traceback(run):
    _, folder, told = run
    RunDirectory(folder).create({"another": "search"})
    kind, judgement, failure, refused = told()
    assert (kind, judgement, refused) == ("outcome", None, True)
    assert failure == f"{folder}: run.json is of another search; move the folder away"
    assert [path.name for path in folder.iterdir()] == ["run.json"]


def test_a_fault_leaves_its_traceback_until_the_run_succeeds(run, monkeypatch):
    resolved, folder, told = run
    RunDirectory(folder).create(resolved.record)

    def break_down(*_):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(metamer, "make", break_down)
    assert told() == ("outcome", None, "division by zero")
    assert "in break_down" in (folder / "traceback.txt").read_text()
    monkeypatch.setattr(metamer, "make", lambda *_: {"verdict": "result"})
    assert told() == ("outcome", {"verdict": "result"})
    assert not (folder / "traceback.txt").exists()


def test_a_fault_is_told_where_its_traceback_cannot_be_written(run, monkeypatch):
    _, folder, told = run
    monkeypatch.setattr(metamer, "make", lambda *_: 1 / 0)
    assert not folder.exists()
    assert told() == ("outcome", None, "division by zero")

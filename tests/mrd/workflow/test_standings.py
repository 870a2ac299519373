"""Where the runs of a study stand, read from directories that runs have left."""

import pytest

from mrd.generate import study_runs
from mrd.study.resolved_study import resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from mrd.workflow.standings import outdated, overview
from tests.small_study import write_study


def write(folder, **changes):
    light = {"attributes": ["lighting"], "steps": 4, "seeds": [1, 2, 3, 4]}
    return read_study(write_study(folder, searches={"light": light | changes}))


@pytest.fixture
def study(tmp_path):
    return write(tmp_path)


def begin(study, index):
    """Create the run of one seed; give its directory."""
    run = resolve_all(study)[index]
    directory = RunDirectory(study.runs / run.name)
    directory.create(run.record)
    return directory


def test_nothing_on_disk_is_pending_and_stays_nothing(study):
    assert [each.status for each in overview(study)] == ["pending"] * 4
    assert not study.runs.exists()


def test_every_run_reports_where_it_stands(study):
    judgement = {"verdict": "result", "training": {"match": 0.4, "floor": 0.9}}
    with begin(study, 0).claim():
        directory = begin(study, 0)
        directory.append_history({"step": 4, "loss": 0.25, "match": 0.4})
        directory.write_json("criterion.json", judgement)
        directory.finish("result")
    with pytest.raises(ValueError, match="the loss is NaN"), begin(study, 1).claim():
        raise ValueError("the loss is NaN")
    begin(study, 2).append_history({"step": 1, "loss": 0.5, "match": float("nan")})
    with pytest.raises(KeyboardInterrupt, match=r"^$"), begin(study, 2).claim():
        raise KeyboardInterrupt
    done, failed, interrupted, pending = overview(study)
    assert (done.status, done.step, done.judgement) == ("done", 4, judgement)
    assert done.newest["loss"] == 0.25
    assert (failed.status, failed.step, failed.message) == ("failed", 0, "the loss is NaN")
    assert (interrupted.status, interrupted.step) == ("interrupted", 1)
    assert interrupted.judgement is None
    assert (pending.status, pending.newest) == ("pending", {})


def test_warnings_are_those_of_the_score_and_before_it_of_the_history(tmp_path):
    study = write(tmp_path, steps=70)
    running, done, old = (begin(study, index) for index in (0, 1, 2))
    for directory in (running, done, old):
        for step in range(1, 61):
            row = {"step": step, "loss": 1.0, "match": 0.1}
            directory.append_history(row)
    score = {"verdict": "result", "training": {"floor": 0.9}}
    for directory, more in ((done, {"warnings": ["it folds"]}), (old, {})):
        with directory.claim():
            directory.write_json("criterion.json", score | more)
            directory.finish("result")
    found = [each.warnings for each in overview(study)]
    assert found[0][0].startswith("the loss stays at 100% of its mean over the first 12 steps; try")
    assert found[1:] == [("it folds",), (), ()]


def test_a_damaged_run_is_a_row_like_any_other(study):
    judgement = {"verdict": "result", "training": {"floor": 0.9}}
    for index in (0, 1):
        with begin(study, index).claim():
            directory = begin(study, index)
            directory.write_json("criterion.json", judgement)
            directory.finish("result")
    (begin(study, 0).path / "criterion.json").unlink()
    (begin(study, 2).path / "run.json").write_text("{")
    lost, done, damaged, pending = overview(study)
    assert (lost.status, lost.judgement) == ("interrupted", None)
    assert lost.message.endswith("criterion.json: missing or damaged; generate makes it again")
    assert (done.status, done.message, done.judgement) == ("done", "", judgement)
    assert (damaged.status, damaged.judgement) == ("failed", None)
    assert "run.json: cannot be read" in damaged.message
    assert damaged.message.endswith("move the folder away to run it again")
    assert pending.status == "pending"


def test_a_result_that_another_floor_judged_is_to_be_judged_again(study, tmp_path):
    with begin(study, 0).claim():
        directory = begin(study, 0)
        directory.write_json("criterion.json", {"verdict": "result", "training": {"floor": 0.9}})
        directory.finish("result")
    changed = write(tmp_path, criterion={"floor": 0.8})
    standing = overview(changed)[0]
    assert (standing.run.name, standing.status) == (directory.name, "interrupted")
    assert standing.judgement is None
    assert standing.message == (
        "the result was scored with a different criterion.floor; generate scores it again"
    )
    assert not study_runs.is_searched(standing.run, changed.runs)
    assert study_runs.is_searched(overview(study)[0].run, study.runs)
    stable = overview(write(tmp_path, criterion={"class_probability": 0.5}))[0]
    assert (stable.run.name, stable.status) == (directory.name, "interrupted")
    assert "a different criterion.class_probability; generate" in stable.message


def test_runs_of_an_earlier_form_of_the_study_are_named(study, tmp_path):
    name = begin(study, 0).name
    (study.runs / "references").mkdir()  # no run
    assert outdated(resolve_study(study)) == []
    changed = write(tmp_path, steps=5)
    assert outdated(resolve_study(changed)) == [name]

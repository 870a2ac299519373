"""Work in processes: reports of failures, and the distribution of processors."""

import multiprocessing
import os

import pytest

from mrd.generate import one_run, processes
from mrd.generate.processes import Job, shares
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study, resolve_all
from tests.small_study import write_study


@pytest.fixture
def study(tmp_path):
    light = {"attributes": ["lighting"], "steps": 4, "criterion": {"null": 5}}
    return read_study(write_study(tmp_path, searches={"light": light}, series={"levels": 2}))


# ---- Processors --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("processors", "count", "dealt"),
    [
        ([0, 1], 1, [(0, 1)]),
        ([0, 1], 2, [(0,), (1,)]),
        ([0, 1, 2, 3, 7], 2, [(0, 2, 7), (1, 3)]),
        ([4, 5], 3, [(4,), (5,), (4,)]),
    ],
)
def test_processors_are_dealt_out_evenly(processors, count, dealt):
    assert shares(processors, count) == dealt


def test_threads_are_limited_for_processes_alone(monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("MKL_NUM_THREADS", "7")  # the user's own word stands
    with processes._threads(3):
        assert os.environ["OMP_NUM_THREADS"] == "3"
        assert os.environ["MKL_NUM_THREADS"] == "7"
    assert "OMP_NUM_THREADS" not in os.environ
    assert os.environ["MKL_NUM_THREADS"] == "7"


def test_a_job_says_where_it_works_and_how_much_it_is(study):
    (run,) = resolve_all(study)
    jobs = [Job(kind, run) for kind in ("search", "family", "series")]
    assert [job.name for job in jobs] == [
        run.name,
        "families/ball-light",
        f"{run.name}/series",
    ]
    # Target and re-render at 3 noise seeds, 5 nulls; 2 levels of series and control at 3.
    assert [job.amount for job in jobs] == [(4, "steps"), (11, "images"), (12, "images")]


@pytest.mark.parametrize(
    ("code", "said"),
    [
        (1, "exit code 1; what it printed above says why"),
        (-9, "signal 9 (unless somebody ended it, memory ran out"),
        (-11, "signal 11 (a crash; if it happens again,"),
        (-15, "signal 15; the same command resumes"),
    ],
)
def test_a_process_that_ended_without_a_word_is_reported_with_what_to_do(code, said):
    assert processes._death(code).startswith(f"its process ended with {said}")


# ---- In the process of a job -------------------------------------------------------------------


@pytest.fixture
def run(study):
    """Return a run, its folder, and a function for its last message; it runs in this process."""
    described = study
    (resolved,) = resolve_all(described)

    def outcome():
        ours, theirs = multiprocessing.Pipe(duplex=False)
        processes._work(Job("search", resolved), "demo", described.runs, (0,), theirs)
        return ours.recv()

    return resolved, described.runs / resolved.name, outcome


def test_what_the_user_can_mend_is_reported_without_a_traceback(run):
    _, folder, outcome = run
    RunDirectory(folder).create({"another": "search"})
    kind, judgement, failure, refused = outcome()
    assert (kind, judgement, refused) == ("outcome", None, True)
    assert failure == f"{folder}: run.json is of another search; move the folder away"
    assert sorted(path.name for path in folder.iterdir()) == ["lock", "run.json"]


def test_a_fault_leaves_its_traceback_until_the_run_succeeds(run, monkeypatch):
    resolved, folder, outcome = run
    RunDirectory(folder).create(resolved.record)

    def break_down(*_):
        raise ZeroDivisionError("division\nby zero")

    monkeypatch.setattr(one_run, "make", break_down)
    assert outcome() == ("outcome", None, "division by zero")
    assert "in break_down" in (folder / "traceback.txt").read_text()
    monkeypatch.setattr(one_run, "make", lambda *_: {"verdict": "result"})
    assert outcome() == ("outcome", {"verdict": "result"}, "", False, 0)
    assert not (folder / "traceback.txt").exists()


def test_a_fault_is_reported_where_its_traceback_cannot_be_written(run, monkeypatch):
    _, folder, outcome = run
    monkeypatch.setattr(one_run, "make", lambda *_: 1 / 0)
    assert not folder.exists()
    assert outcome() == ("outcome", None, "division by zero")

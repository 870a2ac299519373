"""Studies on a real Slurm, started by the test: killed, out of time, failed, refused."""

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import psutil
import pytest

from benchmarks.slurm_here import slurm_here
from mrd.cli.main import run
from mrd.generate.cluster import queue, submissions
from mrd.rendering import backend
from mrd.study.resolved_study import resolve_study
from mrd.study.run_directory import RunDirectory
from mrd.study.study import read_study
from scenes.scene_files import read_scene
from stimuli.intake import read_records
from tests.end_to_end.test_any_folder import executed, set_traps
from tests.end_to_end.tiny import rows, run_directories
from tests.mrd.generate.cluster.submitted import submitted
from tests.paths import ROOT
from tests.silent import Silent
from tests.small_study import write_study

SECONDS = 540.0  # patience, for a busy machine
STEPS = 100  # with the samples of PAINT, they take seconds: enough time to interrupt them

BALL = {
    "shape": {"kind": "sphere", "subdivisions": 2},
    "cameras": {"kind": "single", "resolution": 32},
}
PAINT = {
    "attributes": ["material"],
    "save_every": 5,
    "samples": {"primal": 256, "score": 256},
    "criterion": {"null": 2, "ceiling": 2},
}


def study_in(folder, steps=2, seeds=(1,), **sections):
    paint = PAINT | {"seeds": seeds, "steps": steps}
    sections |= {"targets": {"ball": BALL}, "searches": {"paint": paint}}
    return write_study(folder, name="tiny", seed=3, **sections)


@pytest.fixture(scope="module")
def started():
    """Start a Slurm with two processors; return the environment in which programs find it."""
    with slurm_here(processors=2, bound=False) as environment:
        yield environment


@pytest.fixture
def slurm(started, monkeypatch):
    """Let programs of this test find that Slurm, and let its tasks find this project."""
    for name in [each for each in os.environ if each.startswith(("SLURM_", "SBATCH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SLURM_CONF", started["SLURM_CONF"])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@dataclass(frozen=True)
class Done:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str


@pytest.fixture
def mrd(capsys):
    """Return a function that runs a command of mrd in this process."""

    def mrd(*words):
        capsys.readouterr()
        with pytest.raises(SystemExit, match=r"^\d+$") as ended:
            run([str(word) for word in words])
        return Done(ended.value.code, *capsys.readouterr())

    return mrd


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """Return the directory of a run that was searched in this process, without a stop."""
    backend.activate()
    from mrd.generate import one_run

    study = read_study(study_in(tmp_path_factory.mktemp("home") / "tiny", STEPS))
    (run,) = resolve_study(study).runs
    one_run.make(run, study.runs, "cpu", Silent())
    return RunDirectory(study.runs / run.name)


def program(*words):
    return subprocess.run(words, capture_output=True, text=True, check=True).stdout


def in_the_queue(*words):
    return program("squeue", "-h", "-r", "-o", "%i", *words).split()


def task_of(directory):
    return submissions.newest(directory.path.parent)[directory.name]


def tasks_in(printed):
    """Return the lines of the table of tasks, each as job, work, state and message."""
    _, table = re.split(r"^job .*in the queue *$", printed, flags=re.MULTILINE)
    return [line.strip().split(maxsplit=3) for line in table.splitlines() if line]


def processes_of(task):
    """Return the processes that submitit started for the only task of a submission."""
    return [
        process
        for process in psutil.process_iter(["cmdline"])
        if "submitit.core._submit" in (process.info["cmdline"] or ())
        and process.info["cmdline"][0] == sys.executable
        and process.info["cmdline"][-1] == str(task.folder)
    ]


def until(is_true):
    last = time.monotonic() + SECONDS
    while not is_true():
        assert time.monotonic() < last, "nothing happens"
        time.sleep(0.05)


# ---- In the queue -------------------------------------------------------------------------------


def test_tasks_in_slurms_queue_are_listed_and_not_submitted_twice(slurm, mrd, tmp_path):
    folder = study_in(tmp_path / "tiny", seeds=(1, 2, 3))
    request = ("--slurm", "time=10", "partition=closed")
    done = mrd("generate", folder, *request, "--dry-run")
    assert done.code == 0
    assert "3 tasks would be submitted" in done.out
    assert not (folder / "runs").exists()
    done = mrd("generate", folder, *request)
    assert (done.code, done.err) == (0, "")
    # An array holds two.
    (jobs,) = re.findall(r"^3 tasks submitted as job (\d+), (\d+); mrd status ", done.out)
    tasks = [task_of(each) for each in run_directories(folder)]
    assert [task.job for task in tasks] == [f"{jobs[0]}_0", f"{jobs[0]}_1", jobs[1]]

    expected = [[task.job, task.name, "pending", "PartitionDown"] for task in tasks]
    assert tasks_in(mrd("status", folder).out) == expected
    study_in(folder, seeds=(1, 2, 3, 4))
    done = mrd("generate", folder, *request, "--dry-run")
    assert "1 task would be submitted, 3 in the queue already" in done.out
    done = mrd("generate", folder, *request)
    assert re.match(r"1 task submitted as job \d+, 3 in the queue already; ", done.out)

    program("scancel", tasks[2].job)
    listed = {name: (state, *why) for _, name, state, *why in tasks_in(mrd("status", folder).out)}
    assert len(listed) == 4
    lost = f"ended before it was done, without a message (Slurm says CANCELLED); see {tasks[2].log}"
    assert listed.pop(tasks[2].name) == ("failed", lost)
    assert set(listed.values()) == {("pending", "PartitionDown")}
    program("scancel", "--partition=closed")


# ---- Out of time, killed, and failed ------------------------------------------------------------


def test_interrupted_slurm_tasks_resume_to_the_same_result_beside_failed_ones(
    slurm, mrd, tmp_path, uninterrupted
):
    request = ("--slurm", "time=60", "partition=main")
    folder = study_in(tmp_path / "a study", STEPS)  # a path with a space
    done = mrd("generate", folder, *request)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("1 task submitted as job ")
    (directory,) = run_directories(folder)
    task = task_of(directory)

    until(lambda: len(rows(directory)) >= 8)
    # As before a preemption: the task keeps the time that it has until the other signal.
    program("scancel", "--signal=TERM", task.job)
    reached = len(rows(directory))
    until(lambda: len(rows(directory)) > reached + 2)
    program("scancel", "--signal=USR2", task.job)  # Slurm's warning that time is nearly up
    until(lambda: "Requeued job" in task.log.read_text())
    assert task.job in in_the_queue()

    until(lambda: "resuming from step" in task.log.read_text())
    for process in processes_of(task):
        process.kill()
    until(lambda: task.job not in in_the_queue())
    ((job, name, state, why),) = tasks_in(mrd("status", folder).out)
    assert (job, name, state) == (task.job, directory.name, "failed")
    lost = f"ended before it was done, without a message (Slurm says FAILED); see {task.log}"
    assert why == lost
    until(lambda: directory.status() == "interrupted")  # its worker ends after its parent

    # The same study with another seed, whose record is damaged, and with images.
    study_in(folder, STEPS, seeds=(1, 2), series={"levels": 2, "samples": 16, "cameras": ["c0"]})
    _, damaged = run_directories(folder)
    damaged.path.mkdir()
    (damaged.path / "run.json").write_text("{")
    done = mrd("generate", folder, *request, "--wait")
    assert (done.code, done.err) == (2, "")
    assert done.out.startswith("3 tasks submitted as job ")
    ((_, name, state, why),) = tasks_in(done.out)
    assert (name, state) == (damaged.name, "failed")
    assert why.startswith(f"{damaged.path / 'run.json'}: ")
    again = task_of(directory)
    assert again != task
    assert "resuming from step" in again.log.read_text()
    assert len(directory.record()["sessions"]) >= 3
    assert_like_an_uninterrupted_run(directory, uninterrupted)
    assert len(read_records(directory.path / "series" / "records.csv")) == 12
    assert (folder / "runs" / "families" / "ball-paint" / "records.csv").is_file()
    assert directory.name not in [name for _, name, *_ in tasks_in(mrd("status", folder).out)]


def assert_like_an_uninterrupted_run(directory, whole):
    assert directory.name == whole.name
    assert directory.status() == whole.status() == "done"
    assert len(whole.record()["sessions"]) == 1
    assert [int(row["step"]) for row in rows(directory)] == list(range(1, STEPS + 1))
    # Renders repeat to about 1e-6, so the two results differ, and are scored with different noise:
    # of 256 samples, far below the tolerance of the match.
    for column in ("loss", "s"):
        here, there = (
            np.array([float(row[column]) for row in rows(each)]) for each in (directory, whole)
        )
        np.testing.assert_allclose(here, there, rtol=1e-3, atol=1e-8)  # losses of 1e-6 and more
    found, expected = (
        read_scene(each.path / "result" / "scene.json").material for each in (directory, whole)
    )
    for name in ("base_color", "roughness", "metallic"):
        np.testing.assert_allclose(getattr(found, name), getattr(expected, name), atol=6e-4)
    judged = [each.read_json("criterion.json") for each in (directory, whole)]
    assert judged[0]["verdict"] == judged[1]["verdict"]
    matches = [each["training"]["match"] for each in judged]
    assert matches[0] == pytest.approx(matches[1], abs=1e-3)


@pytest.mark.full
def test_slurms_own_clock_has_a_task_queued_again(slurm, mrd, tmp_path):
    folder = study_in(tmp_path / "tiny", steps=10**5)
    assert mrd("generate", folder, "--slurm", "time=2").code == 0
    (directory,) = run_directories(folder)
    task = task_of(directory)
    until(lambda: rows(directory))
    until(lambda: "Requeued job" in task.log.read_text())
    until(lambda: "resuming from step" in task.log.read_text())
    program("scancel", task.job)
    until(lambda: task.job not in in_the_queue())


@pytest.mark.full
def test_a_slurm_task_that_is_preempted_before_it_kept_anything_is_queued_again(
    slurm, mrd, tmp_path, monkeypatch
):
    """One that kept nothing in all of its time is not: tests/mrd/generate/cluster/test_task.py.

    It is submitted from a folder of files named like modules, none of which is executed.
    """
    folder = study_in(tmp_path / "tiny")
    set_traps(folder)
    monkeypatch.chdir(folder)
    assert mrd("generate", folder, "--slurm", "time=2").code == 0
    (begun,) = run_directories(folder)
    task = task_of(begun)
    until(lambda: any(process.children() for process in processes_of(task)))
    program("scancel", "--signal=USR2", task.job)
    until(lambda: task.end() is not None)
    until(lambda: task.job not in in_the_queue())
    assert begun.status() == "done"
    assert "in the queue" not in mrd("status", folder).out  # nothing failed, nothing waits
    assert executed(folder) == []


# ---- Refused before anything is submitted -------------------------------------------------------


@pytest.fixture
def refused(mrd):
    """Return a function that gives the error of a refused command, which must leave no file."""

    def refused(folder, *words):
        before = sorted(folder.rglob("*"))
        done = mrd("generate", folder, *words)
        assert (done.code, done.out) == (2, "")
        assert sorted(folder.rglob("*")) == before
        (line,) = done.err.splitlines()
        return line

    return refused


def test_slurm_refuses_a_partition_and_nothing_is_left(slurm, refused, tmp_path):
    folder = study_in(tmp_path / "tiny", seeds=(1, 2))
    before = in_the_queue("--states=all")
    line = refused(folder, "--slurm", "time=10", "partition=moon")
    assert "invalid partition specified: moon" in line
    assert set(in_the_queue("--states=all")) <= set(before)


def test_slurm_refuses_values_that_are_passed_on_to_it(slurm, refused, tmp_path):
    line = refused(study_in(tmp_path / "tiny"), "--slurm", "time=10", "mem=lots")
    assert line.startswith("error: --slurm: ")
    assert "mem" in line


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--slurm", "time=soon"], "error: --slurm time=soon: 'soon' is not a time of 2 minutes"),
        (["--slurm"], "error: Option '--slurm' requires an argument; see mrd generate --help"),
        (["--wait"], "error: --wait: there is nothing to wait for without --slurm; leave it out"),
        (
            ["--slurm", "time=9", "--workers", "2"],
            "error: --workers 2: with --slurm, the cluster decides",
        ),
        (["--slurm", "time=9", "--verify"], "error: --verify: with --slurm, finished images are"),
    ],
)
def test_options_without_meaning_are_refused(refused, tmp_path, words, message):
    assert refused(study_in(tmp_path / "tiny"), *words).startswith(message)


def test_a_machine_without_slurm_says_so(refused, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    line = refused(study_in(tmp_path / "tiny"), "--slurm", "time=10")
    assert line.startswith("error: --slurm: sbatch is not on the PATH; submit where Slurm's")


def test_a_machine_without_submitit_says_so(tmp_path, base_install):
    words = ["generate", str(study_in(tmp_path / "tiny")), "--slurm", "time=10"]
    done = subprocess.run(
        [sys.executable, "-c", "from mrd.cli.main import run; run()", *words],
        env=base_install,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: submitit is not installed; "), done.stderr
    assert done.stderr.endswith("pip install -c constraints.txt '.[cluster]'\n")


def test_a_path_that_slurm_takes_for_a_pattern_is_refused(refused, tmp_path):
    line = refused(study_in(tmp_path / "100%"), "--slurm", "time=10")
    assert "Slurm takes % in a path for a pattern" in line


# ---- Status of tasks ----------------------------------------------------------------------------


def test_a_failure_is_reported_after_slurm_forgot_the_job(slurm, tmp_path):
    lost = submitted(tmp_path, "lost", "900001_0")
    failed = submitted(tmp_path, "failed", "900002", failure="a full disk", refused=True)
    submitted(tmp_path, "requested again", "900003", failure="", refused=False)
    submitted(tmp_path, "done since", "900004", failure="a full disk", refused=True)
    assert queue.entries([lost]) == {}
    found = queue.statuses(tmp_path, lambda: ["lost", "failed", "requested again"])
    assert [(each.task, each.is_active, each.state, each.refused) for each in found] == [
        (lost, False, "failed", False),
        (failed, False, "failed", True),
    ]
    assert [each.message for each in found] == [
        f"ended before it was done, without a message (it is not in the queue); see {lost.log}",
        "a full disk",
    ]


def test_without_slurm_the_status_of_runs_is_still_shown(mrd, tmp_path, monkeypatch):
    folder = study_in(tmp_path / "tiny")
    submitted(folder / "runs", "a", "7_0")
    monkeypatch.setenv("PATH", str(tmp_path))
    done = mrd("status", folder)
    assert (done.code, done.err) == (0, "")
    assert "pending" in done.out
    assert "the queue is not known: squeue is not on the PATH" in done.out

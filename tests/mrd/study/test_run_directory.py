"""Run directories: killed at any moment, damaged, claimed by two processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from mrd.study import storage
from mrd.study.checkpoint import SearchState
from mrd.study.run_directory import RunDirectory
from scenes.base.errors import InputError
from scenes.scene import Scene
from scenes.scene_files import write_scene
from scenes.shape import Sphere
from tests.paths import ROOT

RESOLVED = {"target": "abc", "search": {"steps": 300, "attributes": ("shape",)}}
JUDGEMENT = {"verdict": "metamer"}

# Writes to a run directory as a search does, as fast as possible; prints a line once it begins.
SEARCH = """
import sys
import numpy as np
from pathlib import Path
from mrd.study.run_directory import RunDirectory
from mrd.study.checkpoint import SearchState

run = RunDirectory(Path(sys.argv[1]))
run.create({"target": "abc", "search": {"steps": 300, "attributes": ("shape",)}})
with run.claim():
    state, problems = run.newest_state()
    step = state.step if state else 0
    run.rewind(step)
    print("begun", flush=True)
    while True:
        step += 1
        run.append_history({"step": step, "loss": 1 / step, "match": float("nan")})
        if step % 3 == 0:
            run.save_state(SearchState(step, {"x": np.full((200, 3), step)}), keep=step == 6)
"""


# Two processes create and claim one run at the same time.
BEGIN = """
import sys
from pathlib import Path
from mrd.study import storage
from mrd.study.run_directory import RunDirectory
storage.SECONDS_FOR_LOCK = 60
directory = RunDirectory(Path(sys.argv[1]))
print("ready", flush=True)
sys.stdin.readline()
for _ in range(50):
    directory.create({"target": "abc"})
with directory.claim():
    pass
"""


@pytest.fixture
def run(tmp_path):
    run = RunDirectory(tmp_path / "runs" / "bunny-lite-shape-s1-00000000")
    run.create(RESOLVED)
    return run


def state(step):
    return SearchState(step, {"x": np.arange(step)}, {"step": step})


def flip(path, place=-200):
    content = bytearray(path.read_bytes())
    content[place] ^= 255
    path.write_bytes(content)


@pytest.fixture
def start():
    """Return a function that starts that process, and waits until it begins to write."""
    processes = []

    def start(path):
        process = subprocess.Popen(
            [sys.executable, "-c", SEARCH, str(path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout.readline() == "begun\n"
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


# ---- The record -----------------------------------------------------------------------------


def test_the_record_is_written_before_work_begins(run):
    record = run.record()
    assert record["resolved"] == {
        "target": "abc",
        "search": {"steps": 300, "attributes": ["shape"]},
    }
    assert record["name"] == "bunny-lite-shape-s1-00000000"
    assert run.status() == "pending"


def test_creating_again_changes_nothing(run):
    before = (run.path / "run.json").read_bytes()
    run.create(RESOLVED)
    assert (run.path / "run.json").read_bytes() == before


def test_a_run_of_another_search_is_not_overwritten(run):
    with pytest.raises(InputError, match=r"run\.json is of another search"):
        run.create(RESOLVED | {"target": "xyz"})


def test_every_session_records_versions_and_hardware(run):
    for _ in range(2):
        with run.claim():
            pass
    sessions = run.record()["sessions"]
    assert len(sessions) == 2
    assert sessions[0]["versions"]["numpy"] == np.__version__
    assert sessions[0]["hardware"]["processors"] == os.cpu_count()
    assert sessions[0]["pid"] == os.getpid()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "cannot be read"),
        ("[]", "is no record of a run"),
        ('{"status": "done"}', "is no record of a run"),
        ('{"schema_version": 2, "resolved": {}, "status": "done"}', "schema_version 2 is not 1"),
    ],
)
def test_a_damaged_record_is_named(run, content, message):
    (run.path / "run.json").write_text(content)
    with pytest.raises(InputError, match=rf"run\.json: {message}"):
        run.status()


def test_a_record_that_is_missing_is_named(tmp_path):
    with pytest.raises(InputError, match=r"nowhere/run\.json: there is no such file"):
        RunDirectory(tmp_path / "nowhere").record()


def test_json_of_a_run_is_json_for_any_reader(run):
    run.write_json("criterion.json", {"match": np.float32("nan"), "p": np.float64(0.05), "n": (1,)})
    text = (run.path / "criterion.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail) == {"match": None, "p": 0.05, "n": [1]}


# ---- Status and lock ------------------------------------------------------------------------


def test_status_follows_the_work(run):
    with run.claim():
        assert run.status() == "running"
        run.write_json("criterion.json", JUDGEMENT)
        run.finish("metamer")
    assert run.status() == "done"
    assert run.record()["message"] == "metamer"
    assert run.record()["started"] <= run.record()["finished"]


@pytest.mark.parametrize("name", ["criterion.json", "result/scene.json", "renders/result_c0.png"])
@pytest.mark.parametrize("cut", [None, 3], ids=["gone", "cut"])
def test_a_done_run_that_has_lost_a_file_is_interrupted(run, name, cut):
    run.write_json("result/scene.json", {"name": "ball"})
    run.write_json("renders/result_c0.png", "no picture, but a file")
    with run.claim():
        run.write_json("criterion.json", JUDGEMENT)
        run.finish("metamer")
    assert (run.status(), run.loss(), run.judgement()) == ("done", "", JUDGEMENT)
    content = (run.path / name).read_bytes()
    (run.path / name).unlink()
    if cut:
        (run.path / name).write_bytes(content[:cut])
    assert run.status() == "interrupted"
    assert run.loss() == f"{run.path / name}: missing or damaged; generate makes it again"
    assert (run.judgement() is None) == (name == "criterion.json")
    with run.claim():
        (run.path / name).write_bytes(content)
        run.finish("metamer")
    assert run.status() == "done"


def test_a_judgement_that_is_not_json_is_lost(run):
    with run.claim():
        run.write_json("criterion.json", JUDGEMENT)
        run.finish("metamer")
    flip(run.path / "criterion.json", place=0)  # of the same size
    assert (run.status(), run.lost()) == ("interrupted", ["criterion.json"])


def test_an_error_makes_the_run_failed_and_is_raised(run):
    with pytest.raises(RuntimeError, match=r"no\nmore"), run.claim():
        raise RuntimeError("no\nmore")
    assert run.status() == "failed"
    assert run.record()["message"] == "no more"


def test_an_interrupt_leaves_the_run_interrupted(run):
    with pytest.raises(KeyboardInterrupt, match=r"^$"), run.claim():
        raise KeyboardInterrupt
    assert run.status() == "interrupted"


def test_a_failed_run_can_be_claimed_again(run):
    with pytest.raises(RuntimeError, match="no more"), run.claim():
        raise RuntimeError("no more")
    with run.claim():
        assert run.status() == "running"
        assert run.record()["message"] == ""


@pytest.fixture
def impatient(monkeypatch):
    """Wait only briefly for the lock of another process."""
    monkeypatch.setattr(storage, "SECONDS_FOR_LOCK", 0.1)


@pytest.mark.usefixtures("impatient")
def test_two_cannot_write_one_run(run, start):
    process = start(run.path)
    assert run.status() == "running"
    message = rf"is being written by process {process.pid} on .*; wait for it, or stop it first"
    with pytest.raises(InputError, match=message), run.claim():
        pytest.fail("both write")
    assert run.status() == "running"


def test_the_lock_of_a_killed_process_is_free_at_once(run, start):
    process = start(run.path)
    process.kill()
    process.wait()
    assert run.status() == "interrupted"
    with run.claim():
        assert run.status() == "running"


def test_two_that_begin_at_once_write_one_record(tmp_path):
    path = tmp_path / "runs" / "a"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    command = [sys.executable, "-c", BEGIN, str(path)]
    both = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(2)]
    assert [process.stdout.readline() for process in both] == ["ready\n"] * 2
    for process in both:
        process.stdin.write("\n")
        process.stdin.flush()
    ended = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], ended
    assert len(RunDirectory(path).record()["sessions"]) == 2


def test_a_run_that_another_process_finished_is_not_done_again(run):
    with run.claim(lambda: run.status() == "done") as has_work:
        assert has_work
        run.write_json("criterion.json", JUDGEMENT)
        run.finish("metamer")
    before = run.record()
    with run.claim(lambda: run.status() == "done") as has_work:
        assert not has_work
    assert run.record() == before


@pytest.mark.usefixtures("impatient")
def test_a_lock_that_is_held_before_there_is_a_record_is_reported(tmp_path):
    begun = RunDirectory(tmp_path / "a")
    begun.path.mkdir()
    message = r"a is being written by another process; wait for it"
    with FileLock(begun.path / "lock"), pytest.raises(InputError, match=message):
        begun.create(RESOLVED)


def test_looking_at_the_status_does_not_keep_a_writer_out(run):
    for _ in range(20):
        with run.claim():
            assert run.status() == "running"


# ---- History --------------------------------------------------------------------------------


def test_history_is_read_as_written(run):
    rows = [{"step": step, "loss": 0.1 * step, "match": float("nan")} for step in (1, 2)]
    for row in rows:
        run.append_history(row)
    text = (run.path / "history.csv").read_text()
    assert text == "step,loss,match\n1,0.1,nan\n2,0.2,nan\n"
    np.testing.assert_equal(run.history(), rows)


def test_every_row_has_the_columns_of_the_first(run):
    run.append_history({"step": 1, "loss": 0.5})
    run.append_history({"loss": 0.25, "step": 2})
    with pytest.raises(ValueError, match="history has the columns"):
        run.append_history({"step": 3})
    assert run.history() == [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 0.25}]


def test_a_torn_line_is_left_out(run):
    run.append_history({"step": 1, "loss": 0.5})
    with (run.path / "history.csv").open("a") as file:
        file.write("2,0.2")  # of 0.25
    assert run.history() == [{"step": 1, "loss": 0.5}]


def test_rewinding_cuts_history_and_states_back_to_a_step(run):
    for step in range(1, 8):
        run.append_history({"step": step, "loss": 1 / step})
        run.save_state(state(step), keep=True)
    with (run.path / "history.csv").open("a") as file:
        file.write("8,0.")
    run.rewind(5)
    assert [row["step"] for row in run.history()] == [1, 2, 3, 4, 5]
    assert run.state_steps() == [1, 2, 3, 4, 5]
    run.append_history({"step": 6, "loss": 1 / 6})
    assert run.history()[-1] == {"step": 6, "loss": 1 / 6}
    run.rewind(0)
    assert run.history() == []
    assert run.state_steps() == []


# ---- States ---------------------------------------------------------------------------------


def test_the_newest_three_states_stay_and_those_to_keep(run):
    for step in range(0, 12, 2):
        run.save_state(state(step), keep=step in (0, 4))
    assert run.state_steps() == [0, 4, 6, 8, 10]
    assert (run.path / "states" / "00010.npz").is_file()
    assert run.record()["kept_states"] == [0, 4]
    newest, problems = run.newest_state()
    assert (newest.step, problems) == (10, [])


def test_a_run_without_states_has_none(run):
    assert run.newest_state() == (None, [])


def test_a_damaged_state_is_named_and_the_one_before_is_used(run):
    for step in (25, 50, 75):
        run.save_state(state(step))
    flip(run.state_path(75))
    run.state_path(50).write_bytes(run.state_path(50).read_bytes()[:100])
    newest, problems = run.newest_state()
    assert newest.step == 25
    assert newest.header == {"step": 25}
    assert len(problems) == 2
    assert problems[0].startswith(f"{run.state_path(75)} is damaged: ")
    assert problems[1].startswith(f"{run.state_path(50)} is damaged: ")
    assert all(problem.endswith("; resuming from 00025.npz") for problem in problems)


def test_with_every_state_damaged_the_search_starts_again(run):
    run.save_state(state(25))
    flip(run.state_path(25))
    newest, problems = run.newest_state()
    assert newest is None
    assert problems[0].endswith("; starting again")


def test_states_after_damaged_ones_are_not_dropped_as_old(run):
    for step in (50, 75, 100):
        run.save_state(state(step))
        flip(run.state_path(step))
    run.rewind(0)
    run.save_state(state(25))
    assert run.newest_state()[0].step == 25


# ---- Killed, full, unwritable ---------------------------------------------------------------


def test_killed_at_any_moment_nothing_but_the_steps_since_the_last_state_is_lost(
    run, start, rng, count
):
    reached = 0
    for _ in range(count(4, 50)):
        process = start(run.path)
        time.sleep(rng.uniform(0, 0.3))
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        assert run.status() == "interrupted"
        saved, problems = run.newest_state()
        assert problems == []
        step = saved.step if saved else 0
        assert step >= reached, "a saved state was lost"
        steps = [row["step"] for row in run.history()]
        assert steps == list(range(1, len(steps) + 1)), "a row was lost, or written twice"
        # At most two rows stand behind a state, and the third may be written before its state.
        assert step <= len(steps) <= step + 3
        assert saved is None or (saved.arrays["x"] == step).all()
        assert set(run.state_steps()) >= ({6} if step >= 6 else set())
        reached = step
    assert reached > 0
    with run.claim():
        assert not list(run.path.rglob(".*")), "unfinished files stay"


def test_without_a_usable_lock_the_record_counts(run):
    with pytest.raises(KeyboardInterrupt, match=r"^$"), run.claim():
        raise KeyboardInterrupt
    assert run.status() == "interrupted"
    (run.path / "lock").unlink(missing_ok=True)
    (run.path / "lock").mkdir()  # as on a read-only disk: an OSError for every process
    assert run.status() == "running"


# ---- Leftovers --------------------------------------------------------------------------------

LEFTOVERS = [
    ".run-abcdefgh.json",
    ".criterion-0_z9abcd.json",
    ".files-abcdefgh.json",
    ".history-abcdefgh.csv",
    ".preview-abcdefgh.png",
    ".turntable-abcdefgh.mp4",
    "states/.00025-abcdefgh.npz",
    "target/.scene-abcdefgh.json",
    "start/.shape-surface-abcdefgh.ply",
    "result/.lighting-radiance-abcdefgh.exr",
    "renders/.result_c0-abcdefgh.png",
    "renders/.target_c1-abcdefgh.exr",
]
OF_OTHERS = [
    ".my-notes.txt",
    ".my-notebook.txt",  # eight letters
    ".run-abcdefgh.json.bak",
    ".run-ABCDEFGH.json",
    ".run-abcdefg.json",
    ".run-abcdefghi.json",
    ".ssh-settings/known.json",
    ".git-abcdefgh/run.json",
    ".DS_Store",
    "states/.my-abcdefgh.npz",
    "states/.run-abcdefgh.json",
    "result/.notes-abcdefgh.txt",
    "renders/.idea-abcdefgh.png",
    "my-folder/.run-abcdefgh.json",
    "series/.run-abcdefgh.json",
    "series/.records-abcdefgh.csv",
    "series/target/.c0_own_0-abcdefgh.png",
    "pixels/.c0-abcdefgh.png",
    "a/b/.run-abcdefgh.json",
]


def write_files(folder, names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_claiming_removes_what_a_killed_search_left_and_nothing_else(run):
    write_files(run.path, LEFTOVERS + OF_OTHERS)
    with run.claim():
        assert [name for name in LEFTOVERS if (run.path / name).exists()] == []
        assert [name for name in OF_OTHERS if not (run.path / name).exists()] == []


def test_a_folder_with_the_name_of_a_leftover_stays_and_claiming_goes_on(run):
    (run.path / ".run-abcdefgh.json").mkdir()
    with run.claim():
        assert (run.path / ".run-abcdefgh.json").is_dir()


def test_every_file_that_is_written_in_one_step_is_known_when_it_is_left_over(run, monkeypatch):
    """What `whole_file` really calls its files, for the files that a run really writes."""
    monkeypatch.setattr(Path, "replace", lambda *_: None)  # as if killed before the rename
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    write_scene(Scene(name="ball", shape=Sphere(subdivisions=1)).loaded(), run.path / "result")
    run.write_json("criterion.json", JUDGEMENT)
    run.save_state(state(25))
    monkeypatch.undo()
    assert len(list(run.path.rglob(".*"))) >= 3
    with run.claim():
        assert list(run.path.rglob(".*")) == []


@pytest.mark.parametrize("name", [".DS_Store", "Thumbs.db", "._preview.png"])
def test_files_of_the_desktop_are_no_part_of_a_run(run, name):
    run.write_json("result/scene.json", {"name": "ball"})
    (run.path / "result" / name).write_text("made by a file browser")
    with run.claim():
        run.write_json("criterion.json", JUDGEMENT)
        run.finish("metamer")
    (run.path / "result" / name).write_text("altered")
    assert run.status() == "done"
    (run.path / "result" / name).unlink()
    assert run.status() == "done"


FULL = """
import resource, sys
import numpy as np
from pathlib import Path
from mrd.study.run_directory import RunDirectory
from mrd.study.checkpoint import SearchState

run = RunDirectory(Path(sys.argv[1]))
with run.claim():
    run.save_state(SearchState(25, {"x": np.arange(10)}))
    run.append_history({"step": 1, "loss": 0.5})
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
    run.save_state(SearchState(50, {"x": np.arange(10_000)}))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on the size of files")
def test_a_full_disk_is_one_line_and_the_last_state_stays(run):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(run.path)], cwd=ROOT, capture_output=True, text=True
    )
    last = done.stderr.splitlines()[-1]
    assert last.startswith(
        f"scenes.base.errors.InputError: {run.state_path(50)}: cannot be written: "
    )
    assert run.state_steps() == [25]
    newest, problems = run.newest_state()
    assert (newest.step, problems) == (25, [])
    assert run.status() == "failed"


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "runs").write_text("a file where a folder is wanted")
    with pytest.raises(InputError, match=r"run\.json: cannot be written: Not a directory"):
        RunDirectory(tmp_path / "runs" / "a").create(RESOLVED)


def test_a_folder_in_place_of_the_history_is_named(run):
    (run.path / "history.csv").mkdir()
    with pytest.raises(InputError, match=r"history\.csv: cannot be written: Is a directory"):
        run.append_history({"step": 1})

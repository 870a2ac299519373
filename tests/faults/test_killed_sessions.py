"""Sessions killed at random moments: no answer is lost, no trial is repeated."""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from psychophysics.data import bids_names, data_set, json_files
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import generate_trials
from tests.paths import ROOT

SCRIPT = Path(__file__).with_name("session_to_kill.py")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    """Return the script as a module, to build the same experiment."""
    spec = importlib.util.spec_from_file_location("session_to_kill", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def started(path, folder, kind, trials):
    return subprocess.Popen(
        [sys.executable, "-u", str(SCRIPT), str(path), str(folder), kind, str(trials)],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def rows_reported(output):
    rows = [line.removeprefix("row ") for line in output.splitlines() if line.startswith("row ")]
    return int(rows[-1]) if rows else 0


@pytest.mark.parametrize(
    ("kind", "times", "trials", "longest"),
    [
        ("constant_stimuli", (2, 45), (400, 6000), 0.05),
        pytest.param("staircase", (2, 45), (400, 6000), 0.05, marks=pytest.mark.full),
        ("quest_plus", (2, 10), (100, 500), 0.2),  # its trials take milliseconds
    ],
)
def test_killed_sessions_resume_where_they_stopped(
    kind, times, trials, longest, script, small_set, tmp_path, rng, count, kills
):
    """Sessions are killed with SIGKILL, some before the first row, most between or inside rows.

    Every row that the process reported as written is on the disk after each kill. Levels of
    staircases and of QUEST+ depend on all earlier answers, so a posterior that was not restored
    would change later levels. `MRD_KILLS` sets the number of kills.
    """
    trials = count(*trials)
    reported = 0
    for _ in range(kills(*times)):
        process = started(small_set, tmp_path, kind, trials)
        if rng.random() < 0.2:
            time.sleep(rng.uniform(0, 0.5))  # while it starts or opens its files
        else:
            assert process.stdout.readline() == "open\n"
            time.sleep(rng.uniform(0, longest))
        process.kill()
        output, _ = process.communicate(timeout=60)
        reported = max(reported, rows_reported(output))
        path = bids_names.table_path(tmp_path, "01", "01", TASKS["oddity"])
        if path.is_file():
            assert path.read_bytes().count(b"\n") - 1 >= reported
    process = started(small_set, tmp_path, kind, trials)
    output, _ = process.communicate(timeout=170)
    assert process.returncode == 0
    _check_all_trials(script.prepared(small_set, kind, trials), tmp_path)


def _check_all_trials(experiment, folder):
    """Check that the table has every trial once, in the order that its answers determine."""
    frame = data_set.read_sessions(folder)
    assert frame["finished"].all()
    assert frame["sitting"].max() > 1
    seed = int(json_files.read_json(next(folder.glob("sub-*/**/*_beh.json")))["Session"]["Seed"])
    trials = generate_trials(experiment.conditions, experiment.config, seed, [""])
    trial = next(trials)
    for number, row in enumerate(frame.itertuples(), start=1):
        assert row.trial == trial.number == number
        shown = (row.stimulus_1, row.stimulus_2, row.stimulus_3)
        assert shown == tuple(image.stimulus_id for image in trial.images)
        assert row.level == trial.level
        try:
            trial = trials.send(row.correct == 1)
        except StopIteration:
            trial = None
    assert trial is None

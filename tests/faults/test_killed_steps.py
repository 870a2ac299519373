"""Steps of a study killed with SIGKILL at random moments: the same command then ends the same.

A step is killed again and again in one folder, at moments drawn over the time that it takes
undisturbed, from its start to its last file; then it is let finish. One kill while building here,
20 of every step in the full run, as many as ``MRD_KILLS`` says where it is set. Searches and
sessions have files of their own (tests/end_to_end/test_generate_stopped.py,
test_killed_sessions.py). The sets are compared, not the folders: of a set that was being written
when its process was killed, a hidden ``.stimuli-….h5`` stays behind.
"""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from mrd.study import read_study
from tests.small_runs import write_study_runs
from tests.small_set import write_small_set

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-c", "from mrd.cli.main import run; run()"]

STUDY = """
name: small
targets:
  vase: {shape: {kind: sphere}}
models:
  net: {network: pixels}
searches:
  material: {attributes: [material]}
  shape: {attributes: [shape]}
series: {kind: trajectory, levels: 2}
stimuli: {accept: all}
"""


@pytest.fixture
def kills(count):
    """Number of kills of a step."""
    return int(os.environ.get("MRD_KILLS", count(1, 20)))


def with_runs(folder):
    """Write a study whose runs are finished and not packed."""
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    write_study_runs(read_study(folder))


def with_a_set(folder):
    """Write a study whose set no model of it has seen."""
    folder.mkdir()
    (folder / "study.yaml").write_text(STUDY, encoding="utf-8")
    write_small_set(folder / "stimuli.h5", models={})


def set_content(folder):
    """Everything that the set holds, byte for byte, but when it was made."""
    found = {}

    def keep(name, item):
        if isinstance(item, h5py.Dataset):
            values = item[()]
            numbers = isinstance(values, np.ndarray | np.generic) and values.dtype != object
            found[name] = values.tobytes() if numbers else np.ravel(values).tolist()

    with h5py.File(folder / "stimuli.h5") as file:
        file.visititems(keep)
        found["content_hash"] = file.attrs["content_hash"]
    return found


def started(folder, words):
    return subprocess.Popen(
        [*COMMAND, *words, str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def finished(folder, words):
    """Let a step finish; returns the seconds that it took."""
    begun = time.monotonic()
    process = started(folder, words)
    said, _ = process.communicate(timeout=240)
    assert process.returncode == 0, said
    return time.monotonic() - begun


@pytest.mark.parametrize(
    ("write", "words"),
    [
        pytest.param(with_runs, ("stimuli", "build"), id="build"),
        pytest.param(with_a_set, ("embed",), id="embed", marks=pytest.mark.full),
    ],
)
def test_a_killed_step_ends_like_an_undisturbed_one(write, words, kills, tmp_path, rng):
    write(tmp_path / "killed")
    shutil.copytree(tmp_path / "killed", tmp_path / "undisturbed")
    takes = finished(tmp_path / "undisturbed", words)
    expected = set_content(tmp_path / "undisturbed")
    assert expected
    for moment in rng.uniform(0, takes, kills):
        print(f"killed after {moment:.2f} s of {takes:.2f} s")
        process = started(tmp_path / "killed", words)
        time.sleep(moment)
        process.kill()
        process.communicate()
    finished(tmp_path / "killed", words)
    found = set_content(tmp_path / "killed")
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []

"""The experiment computer: an environment with the extra lab, without torch and mitsuba."""

import subprocess
import sys

from psychophysics.data import data_set
from tests.paths import ROOT
from tests.psychophysics.studies import study_in


def run(environment, *words):
    return subprocess.run(
        [sys.executable, *map(str, words)],
        env=environment, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip


def test_real_window_session_runs_without_torch_and_mitsuba(lab_install, small_set, tmp_path):
    find = "from importlib.util import find_spec; print([find_spec(n) for n in {!r}])"
    assert run(lab_install, "-c", find.format(["torch", "mitsuba", "drjit"])).stdout == (
        "[None, None, None]\n"
    )
    folder = study_in(tmp_path, small_set, trials=1)
    environment = {**lab_install, "HOME": str(tmp_path)}
    done = run(environment, "environment/demo_session.py", folder)
    assert done.returncode == 0, done.stderr
    frame = data_set.read_sessions(folder / "window" / "data")
    assert not (folder / "data").exists()
    assert frame["finished"].all()
    assert frame["trial"].tolist() == [1, 2, 3]
    assert (frame["response_time"] > 0).all()
    again = run(environment, "environment/demo_session.py", folder)
    assert (again.returncode, again.stdout) == (0, "")


def test_simulated_observers_run_without_torch_and_mitsuba(lab_install, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    mrd = ("-c", "from mrd.cli.main import run; run()")
    done = run(lab_install, *mrd, "experiment", "simulate", folder, "--observers", 2)
    assert done.returncode == 0, done.stderr
    assert len(data_set.read_sessions(folder / "data-simulated")) == 12

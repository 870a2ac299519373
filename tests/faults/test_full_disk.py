"""A full disk during a session."""

import subprocess
import sys

from psychophysics.data import data_set
from tests.paths import ROOT
from tests.psychophysics.studies import study_in

# Limit the size of files: the description fits, the table of 600 trials does not.
LIMITED = """
import resource
from mrd.cli.main import run
resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))
run()
"""
WHOLE = "from mrd.cli.main import run; run()"


def simulate(program, folder):
    command = [sys.executable, "-B", "-c", program, "experiment", "simulate", str(folder)]
    return subprocess.run(
        [*command, "--observers", "1"], cwd=ROOT, capture_output=True, text=True, timeout=170,
        check=False,
    )  # fmt: skip


def test_a_session_stops_with_one_line_on_a_full_disk_and_resumes_later(small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("trials: 2}", "trials: 200}"))
    done = simulate(LIMITED, folder)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "_beh.tsv: cannot be written: File too large" in done.stderr
    table = next(folder.glob("data-simulated/**/*_beh.tsv")).read_bytes()
    kept = table[: table.rfind(b"\n")]
    done = simulate(WHOLE, folder)
    assert done.returncode == 0, done.stderr
    frame = data_set.read_sessions(folder / "data-simulated")
    assert frame["trial"].tolist() == list(range(1, 601))
    again = next(folder.glob("data-simulated/**/*_beh.tsv")).read_bytes()
    assert kept.count(b"\n") > 50
    assert again.startswith(kept)

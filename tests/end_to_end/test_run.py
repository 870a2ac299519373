"""``mrd run`` from a study file to a report, and again after changes."""

import json
import subprocess
import sys

import pytest

from tests.end_to_end.tiny import ROOT, contents, environment, study_in

MORE = """
series: {levels: 2, samples: 16, cameras: [c0]}
stimuli: {accept: all, most_clipped: 1.0}
experiment:
  cameras: all
  procedure: {kind: constant_stimuli, trials: 3}
  catch: 2
  practice: {trials: 0}
analysis: {overdispersion: false, draws: 100}
"""


def mrd(folder, *words):
    return subprocess.run(
        [sys.executable, "-c", "from mrd.cli.main import run; run()", words[0], str(folder),
         "--observers", "3", *words[1:]],
        env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=500, check=False,
    )  # fmt: skip


@pytest.mark.full
def test_a_study_runs_from_end_to_end_and_again_for_what_a_change_touches(tmp_path):
    folder = study_in(tmp_path / "tiny")
    with (folder / "study.yaml").open("a", encoding="utf-8") as file:
        file.write(MORE)
    done = mrd(folder, "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.rstrip().splitlines()[-5].startswith("[x] generate    done")
    assert (folder / "report" / "index.html").is_file()
    before = contents(folder)
    again = mrd(folder, "run")
    assert again.returncode == 0, again.stderr
    assert again.stdout.count("[x]") == 5  # one list, and nothing done
    assert contents(folder) == before
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("draws: 100", "draws: 120"))
    changed = mrd(folder, "run")
    assert changed.returncode == 0, changed.stderr
    assert "analyse: analysis.draws: 100 then, 120 now" in changed.stdout
    assert "mrd embed" not in changed.stdout
    numbers = json.loads((folder / "report" / "results.json").read_text())
    assert numbers["settings"]["draws"] == 120
    assert {"condition", "x", "stimulus_id", "trials"} <= set(numbers["tables"]["stimuli"][0])


@pytest.mark.full
def test_it_stops_at_the_first_failure_and_says_what_to_do(tmp_path):
    folder = study_in(tmp_path / "tiny")
    with (folder / "study.yaml").open("a", encoding="utf-8") as file:
        file.write(MORE.replace(", most_clipped: 1.0", ", most_clipped: 0.0"))
    done = mrd(folder, "run")
    assert done.returncode == 2
    assert "raise stimuli.most_clipped" in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"stopped at build: mend what mrd stimuli build {folder} says above")
    assert done.stdout.rstrip().splitlines()[-5].startswith("[x] generate    done")

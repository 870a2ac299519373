"""``mrd run`` from a study file to a report, and a second run after changes."""

import json
import subprocess
import sys

import pandas as pd
import pytest

from stimuli.check import problems
from stimuli.stimulus_set import StimulusSet
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
    assert done.stdout.rstrip().splitlines()[-7].startswith("[x] generate    done")
    report = folder / "report" / "index.html"
    assert done.stdout.endswith(f"\nLook at {folder}/runs/*/preview.png, then at {report}\n")
    assert report.is_file()
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


WIDEST = """
name: beside
seed: 3
targets:
  ball:
    shape: {kind: sphere, subdivisions: 2}
    material: {base_color: [0.7, 0.3, 0.4], roughness: 0.6}
    lighting: {kind: constant}
    cameras: {kind: ring, count: 2, held_out: 1, resolution: 32}
models:
  eye: {network: pixels}
searches:
  material:
    mode: diverge
    attributes: [material]
    steps: 40
    restarts: 2
    samples: {primal: 16, score: 64}
    criterion: {null: 9, ceiling: 4, floor: 0.8}
fisher: {rerenders: 8, samples: 16, derivative_samples: 64, shape_modes: 1}
"""


@pytest.mark.full
def test_reaches_and_predictions_travel_from_runs_to_the_report(tmp_path):
    more = MORE.replace("levels: 2,", "levels: 4, kind: interpolation,").replace("3}", "12}")
    (tmp_path / "study.yaml").write_text(WIDEST + more, encoding="utf-8")
    done = mrd(tmp_path, "run")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("[x]") >= 6
    with StimulusSet(tmp_path / "stimuli.h5") as stimuli:
        starts, predicted = stimuli.reach(), stimuli.predicted_thresholds()
        assert problems(tmp_path / "stimuli.h5") == []
    numbers = json.loads((tmp_path / "report" / "results.json").read_text())
    (row,) = numbers["tables"]["reach"]
    assert row["starts"] == len(starts) == 2
    assert row["over_control"] == pytest.approx(row["reach"] / row["control_reach"])
    assert row["people_measurable"] in ("measured", "above", "below")
    table = pd.DataFrame(numbers["tables"]["predicted_thresholds"])
    assert set(table["parameter"]) > set(predicted["parameter"])
    level = table.set_index("parameter").loc["light.level"]
    assert level["distance"] == pytest.approx(level["threshold"], rel=1e-3)  # one unit for both
    assert {"series eye-material-s1", "control eye-material-s1"} <= set(table["parameter"])
    page = (tmp_path / "report" / "index.html").read_text()
    assert page.index('id="reach"') < page.index('id="predicted_thresholds"')
    for name in ("reach", "predicted_thresholds"):
        for ending in ("png", "svg"):
            assert (tmp_path / "report" / "figures" / f"{name}.{ending}").is_file()
    again = mrd(tmp_path, "run")
    assert again.stdout.count("[x]") == 6  # one list, and nothing done

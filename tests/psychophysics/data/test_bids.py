"""The data set as the BIDS validator sees it."""

import json
import subprocess
import sys
from pathlib import Path

from psychophysics import experiment
from psychophysics.data import data_set
from psychophysics.observers import Psychometric, SimulatedObserver
from psychophysics.tasks.registry import TASKS

# Authors, licence, institution and the like.
LEFT_TO_THE_LAB = {
    "JSON_KEY_RECOMMENDED",
    "NO_AUTHORS",
    "SIDECAR_KEY_RECOMMENDED",
    "TOO_FEW_AUTHORS",
}
VALIDATOR = Path(sys.executable).with_name("bids-validator-deno")


def problems(folder):
    """Errors and warnings, as code and file."""
    done = subprocess.run(
        [VALIDATOR, "--format", "json", str(folder)],
        capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    report = json.loads(done.stdout)
    found = {"error": set(), "warning": set()}
    for issue in report["issues"]["issues"]:
        if issue["severity"] in found:
            found[issue["severity"]].add((issue["code"], issue.get("subCode", "")))
    return found, report["summary"]


def test_the_validator_accepts_all_tasks(small_experiment, tmp_path):
    follows = Psychometric(0.5, 1.0)
    for name, task in TASKS.items():
        asked = small_experiment(
            task=name, procedure={"kind": "constant_stimuli", "trials": 2}, catch=2
        )

        def observer(_seat, rng, task=task):
            return SimulatedObserver(follows, task, rng)

        for participant in ("01", "02"):
            seat = experiment.seat(asked, tmp_path, participant, "01", "simulated")
            experiment.run(asked, seat, tmp_path, observer, {})
    found, summary = problems(tmp_path)
    assert found["error"] == set()
    assert {code for code, _ in found["warning"]} <= LEFT_TO_THE_LAB
    assert ("SIDECAR_KEY_RECOMMENDED", "Instructions") not in found["warning"]
    assert sorted(summary["subjects"]) == ["01", "02"]
    assert sorted(summary["tasks"]) == sorted(TASKS)


def test_the_validator_finds_what_is_wrong(tmp_path):
    data_set.enrol(tmp_path, "small", "01", "person")
    (tmp_path / "dataset_description.json").unlink()
    found, _ = problems(tmp_path)
    assert found["error"]

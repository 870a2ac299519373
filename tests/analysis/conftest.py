"""A study with simulated people and its report, made once; tests that change files copy it."""

import io
import json
import shutil
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import simulated_study

STUDY = """
name: simulated
targets: {bunny: {scene: bunny}}
models: {shapely: {network: pixels}}
searches: {shape: {attributes: [shape]}}
analysis:
  overdispersion: false
  draws: 100
  exclude: {participants: ["03", "04"]}
"""


@dataclass(frozen=True)
class Reported:
    """What ``mrd analyse STUDY --simulated --format json`` wrote and printed."""

    page: Path
    numbers: dict[str, Any]
    messages: str


@pytest.fixture(scope="session")
def made_study(tmp_path_factory):
    """Give a study's folder: stimuli.h5 and the sessions of four simulated people."""
    folder = tmp_path_factory.mktemp("study")
    simulated_study.write(folder)
    simulated_study.answer(folder, 4, trials=8)
    (folder / "study.yaml").write_text(STUDY)
    return folder


@pytest.fixture
def study_copy(made_study, tmp_path):
    """Give a copy that a test may damage."""
    return shutil.copytree(made_study, tmp_path / "study")


@pytest.fixture(scope="session")
def trials(made_study):
    """Give all of its trials."""
    from analysis.trials import sessions
    from stimuli.stimulus_set import StimulusSet

    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        return sessions.load(made_study / "data-simulated", stimuli)


@pytest.fixture(scope="session")
def report(made_study, tmp_path_factory):
    """Give the report of the study, made by the program."""
    from mrd.cli.main import run

    folder = shutil.copytree(made_study, tmp_path_factory.mktemp("reported") / "study")
    printed, messages = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(printed),
        redirect_stderr(messages),
        pytest.raises(SystemExit, match=r"^0$"),
    ):
        run(["analyse", str(folder), "--simulated", "--format", "json"])
    numbers = json.loads(printed.getvalue())
    return Reported(folder / "report" / "index.html", numbers, messages.getvalue())

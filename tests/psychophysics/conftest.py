"""Conditions made by hand, experiments on the small set."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.design import Condition
from psychophysics.experiment import Experiment
from tests.paths import ROOT

SMALL = {"practice": {"trials": 0}, "catch": 0}


@pytest.fixture(scope="session")
def config() -> Callable[..., ExperimentConfig]:
    """Make an experiment's section: no practice and no catch trials unless asked for."""
    return lambda **words: ExperimentConfig.model_validate({**SMALL, **words})


@pytest.fixture(scope="session")
def condition() -> Callable[..., Condition]:
    """Make a condition by hand."""
    from tests.psychophysics import conditions

    return conditions.condition


@pytest.fixture(scope="session")
def small_experiment(
    small_set: Path, config: Callable[..., ExperimentConfig]
) -> Callable[..., Experiment]:
    """Make an experiment on the small set."""
    return lambda **words: experiment.prepared("small", 1, config(**words), small_set)


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start an X server, and give the environment of a process that uses it."""
    # Without -noreset, the server forgets the keyboard's layout when its last client goes.
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1024x768x24", "-nolisten", "tcp",
         "-noreset"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    assert number, "Xvfb did not start"
    home = tmp_path_factory.mktemp("home")
    yield {
        **os.environ, "DISPLAY": f":{number}", "HOME": str(home), "PYTHONPATH": str(ROOT),
        "LIBGL_ALWAYS_SOFTWARE": "1",
    }  # fmt: skip
    server.terminate()
    server.wait(10)

"""Fixtures: conditions, experiments on the small set, an X server."""

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
from tests.psychophysics.lab.window_process import WindowProcess

SMALL = {"practice": {"trials": 0}, "catch": 0}


@pytest.fixture(scope="session")
def config() -> Callable[..., ExperimentConfig]:
    """Return a function that makes the section, by default without practice and catch trials."""
    return lambda **words: ExperimentConfig.model_validate({**SMALL, **words})


@pytest.fixture(scope="session")
def condition() -> Callable[..., Condition]:
    """Return a function that makes a condition."""
    from tests.psychophysics import conditions

    return conditions.condition


@pytest.fixture(scope="session")
def small_experiment(
    small_set: Path, config: Callable[..., ExperimentConfig]
) -> Callable[..., Experiment]:
    """Return a function that prepares an experiment on the small set."""
    return lambda **words: experiment.prepare("small", 1, config(**words), small_set)


@pytest.fixture(scope="session")
def window_process(
    screen: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[WindowProcess]:
    """Return a process with the X server's display; the file DATE_OFFSET moves its date."""
    folder = tmp_path_factory.mktemp("date")
    library, offset = folder / "date.so", folder / "offset"
    source = Path(__file__).parent / "lab" / "date.c"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    offset.write_text("0")
    process = WindowProcess(screen | {"LD_PRELOAD": str(library), "DATE_OFFSET": str(offset)})
    yield process
    process.close()


@pytest.fixture(scope="session")
def screen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Start an X server, and return the environment of a process that uses it."""
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

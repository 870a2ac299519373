"""A study with simulated people, made once; tests that change files copy it."""

import shutil

import pytest

from tests import simulated_study


@pytest.fixture(scope="session")
def made_study(tmp_path_factory):
    """Give a study's folder: stimuli.h5 and the sessions of four simulated people."""
    folder = tmp_path_factory.mktemp("study")
    simulated_study.write(folder)
    simulated_study.answer(folder, 4, trials=8)
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

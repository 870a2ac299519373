"""Conditions made by hand, experiments on the small set."""

from collections.abc import Callable
from pathlib import Path

import pytest

from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.design import Condition
from psychophysics.experiment import Experiment

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

"""Conditions made by hand, experiments on the small set."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.design import Condition, Stimulus
from psychophysics.experiment import Experiment

SMALL = {"practice": {"trials": 0}, "catch": 0}


@pytest.fixture(scope="session")
def config() -> Callable[..., ExperimentConfig]:
    """Make an experiment's section: no practice and no catch trials unless asked for."""
    return lambda **words: ExperimentConfig.model_validate({**SMALL, **words})


@pytest.fixture(scope="session")
def condition() -> Callable[..., Condition]:
    """Make a condition of levels, cameras, lights and noise seeds, with an id for every image."""

    def make(
        levels: tuple[float, ...] = (0.0, 0.5, 1.0),
        cameras: tuple[str, ...] = ("c0", "c1", "c2"),
        lights: tuple[str, ...] = ("own", "dusk"),
        seeds: int = 3,
        comparison: str = "result",
        name: str = "vase",
    ) -> Condition:
        cells = [(camera, light) for camera in cameras for light in lights]

        def images(role: str, level: float) -> dict[Any, tuple[Stimulus, ...]]:
            return {
                (camera, light): tuple(
                    Stimulus(
                        f"{name}_{role}-{level:g}_{camera}_{light}_{seed}",
                        role, camera, light, seed, 0.4 * level,
                    )
                    for seed in range(seeds)
                )
                for camera, light in cells
            }  # fmt: skip

        return Condition(
            name=f"{name}-{comparison}",
            target=name,
            family=name,
            attribute="shape",
            model="net",
            layer="late",
            comparison=comparison,
            levels=levels,
            target_images=images("target", 0.0),
            comparison_images={
                level: images(comparison if level else "rerender", level) for level in levels
            },
            cameras=cameras,
            lights=lights,
            seeds=seeds,
        )

    return make


@pytest.fixture(scope="session")
def small_experiment(
    small_set: Path, config: Callable[..., ExperimentConfig]
) -> Callable[..., Experiment]:
    """Make an experiment on the small set."""
    return lambda **words: experiment.prepared("small", 1, config(**words), small_set)

"""Speed of simulated observers: constant stimuli, through the session loop, rows on disk.

Prints ``simulated_trials_per_second``: trials of whole sessions ÷ their seconds, in one process,
without a window. Each row is flushed before the next trial, as for people, but without `fsync`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.figure import figure
from benchmarks.stimuli import SCENE, table
from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.data.bids_names import FIRST_SESSION
from psychophysics.observers import Psychometric, SimulatedObserver
from stimuli.packed_scene import packed
from stimuli.writing import write_set

STIMULI, SIZE = 60, 16
TRIALS_A_LEVEL, SESSIONS = 100, 5
FOLLOWS = Psychometric(threshold=0.5, width=1.0, lapse=0.02)
CONFIG = ExperimentConfig.model_validate(
    {
        "procedure": {"kind": "constant_stimuli", "trials": TRIALS_A_LEVEL},
        "catch": 0,
        "practice": {"trials": 0},
    }
)


def main() -> None:
    """Simulate the sessions and print the figure."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        images = np.zeros((STIMULI, SIZE, SIZE, 3), np.uint8)
        write_set(folder / "stimuli.h5", table(STIMULI, SIZE), images, [packed(SCENE)])
        made = experiment.prepare("benchmark", 1, CONFIG, folder / "stimuli.h5")
        start = time.perf_counter()
        trials = sum(_session(made, folder, f"sim{number}") for number in range(SESSIONS))
        seconds = time.perf_counter() - start
    figure("simulated_trials_per_second", trials / seconds, trials=trials, sessions=SESSIONS)


def _session(made: experiment.Experiment, folder: Path, code: str) -> int:
    """Run the session of one simulated observer; return its number of trials."""
    seat = experiment.seat(made, folder, code, FIRST_SESSION, "simulated")
    outcome = experiment.run(
        made,
        seat,
        folder,
        lambda _seat, rng: SimulatedObserver(FOLLOWS, made.task, rng),
        {},
        durable=False,
    )
    return outcome.trials


if __name__ == "__main__":
    main()

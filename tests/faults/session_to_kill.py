"""A session to be killed: ``session_to_kill.py SET FOLDER KIND TRIALS``.

Prints ``open``, then ``row N`` once row N is on the disk.
"""

import sys
from pathlib import Path

from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.experiment import Experiment
from psychophysics.observers import Psychometric, SimulatedObserver


def prepared(path: Path, kind: str, trials: int) -> Experiment:
    """Return an experiment with one condition."""
    config = ExperimentConfig.model_validate(
        {
            "procedure": {"kind": kind, "trials": trials},
            "attributes": ["shape"],
            "comparisons": ["control"],
            "practice": {"trials": 3},
            "catch": 2,
        }
    )
    return experiment.prepare("small", 1, config, path)


class ReportingObserver(SimulatedObserver):
    """A simulated observer that prints when an answer is on the disk."""

    def begin(self, trial, before):
        print("open", flush=True)

    def give_feedback(self, trial, answer):
        print(f"row {trial.number}", flush=True)


def main(path: Path, folder: Path, kind: str, trials: int) -> None:
    """Start or resume the session."""
    made = prepared(path, kind, trials)
    seat = experiment.seat(made, folder, "01", "01", "simulated")
    follows = Psychometric(0.5, 1.0, 0.05)
    experiment.run(
        made, seat, folder, lambda _, rng: ReportingObserver(follows, made.task, rng), {}
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))

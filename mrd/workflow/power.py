"""Expected precision of a threshold: simulate observers with some trials, and fit them."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from psychophysics import session
from psychophysics.config import ConstantStimuliConfig, ExperimentConfig, PracticeConfig
from psychophysics.counterbalance import session_seed
from psychophysics.experiment import Experiment
from psychophysics.observers import Psychometric, SimulatedObserver
from psychophysics.trials import generate_trials
from scenes.base.errors import needs


@dataclass(frozen=True)
class Plan:
    """Expected precision of a threshold for one number of trials.

    Parameters
    ----------
    trials_per_level, trials
        Trials of each level of a condition, and of the whole condition.
    observers, measured
        Number of simulated observers, and of those whose threshold was measurable.
    threshold
        Median of the fitted thresholds.
    interval
        Median width of the 95 % credible intervals, in the unit of the level.
    covered
        Number of these intervals that contain the true threshold.
    """

    trials_per_level: int
    trials: int
    observers: int
    measured: int
    threshold: float
    interval: float
    covered: int


def plain(config: ExperimentConfig, trials_per_level: int) -> ExperimentConfig:
    """Return the experiment with constant stimuli, without practice, catch trials and blocks."""
    return config.model_copy(
        update={
            "procedure": ConstantStimuliConfig(trials=trials_per_level),
            "practice": PracticeConfig(trials=0),
            "catch": 0,
            "blocks": None,
        }
    )


def planned(
    experiment: Experiment, follows: Psychometric, trials_per_level: int, observers: int
) -> Plan:
    """Simulate observers on one condition with constant stimuli, and fit each of them.

    Parameters
    ----------
    experiment
        The study's experiment. Its first condition represents all; its procedure is not used.
    follows
        Psychometric function of the observers.
    trials_per_level
        Trials of each level.
    observers
        Number of observers.

    Raises
    ------
    InputError
        The extra ``analysis`` is not installed.
    """
    # Imported late: other commands work without the extra `analysis`.
    from analysis.statistics import psychometric

    config = plain(experiment.config, trials_per_level)
    one = replace(experiment, config=config, conditions=experiment.conditions[:1])
    frame = pd.concat([_answers(one, follows, number) for number in range(observers)])
    curve = follows.function
    with needs("analysis"):
        fits = psychometric.fit(frame, by=("observer",), curve=curve, overdispersion=False)
    measured = fits[fits["measurable"] == "measured"]
    widths = measured["threshold_high"] - measured["threshold_low"]
    holds = measured["threshold_low"].le(follows.threshold) & measured["threshold_high"].ge(
        follows.threshold
    )
    return Plan(
        trials_per_level=trials_per_level,
        trials=len(frame) // observers,
        observers=observers,
        measured=len(measured),
        threshold=float(measured["threshold"].median()),
        interval=float(widths.median()),
        covered=int(holds.sum()),
    )


def _answers(experiment: Experiment, follows: Psychometric, number: int) -> pd.DataFrame:
    """Return the answers of one simulated observer, with the columns that `analysis` reads."""
    seed = session_seed(experiment.study, experiment.seed, f"power{number}", "01")
    observer = SimulatedObserver(follows, experiment.task, np.random.default_rng(seed))
    rows = [
        (trial.level, int(correct), not trial.arrangement.informative)
        for trial, correct in session.answer_trials(
            generate_trials(experiment.conditions, experiment.config, seed, [""]), observer
        )
    ]
    frame = pd.DataFrame(rows, columns=["level", "correct", "same"])
    return frame.assign(
        observer=f"{number}",
        condition=experiment.conditions[0].name,
        stimulus=experiment.conditions[0].name,
        n=1,
        task=experiment.task.name,
    )

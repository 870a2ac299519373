"""Simulated observers of known threshold are found again by each procedure.

Bias below 5 % of the range of levels, and 95 % intervals that hold the truth as often as a binomial
count allows (two-sided, α = 1e-4 a procedure). With 20 observers the mean's standard error is
about 1.2 % of the range, so the bias alone raises a false alarm in 1 of 1e4 runs.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis import psychometric
from psychophysics.config import ExperimentConfig
from psychophysics.observers import Psychometric, SimulatedObserver
from psychophysics.procedures.quest_plus import QuestPlus
from psychophysics.procedures.staircase import Staircase
from psychophysics.session import answers
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import order
from tests.psychophysics.conditions import condition

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
FOLLOWS = Psychometric(threshold=0.45, width=1.3, lapse=0.02)
RANGE = LEVELS[-1] - LEVELS[1]


def frame_of(procedure, task, observers, seed):
    """Answers of several observers, in the columns of `analysis`."""
    asked = ExperimentConfig.model_validate(
        {"task": task, "procedure": procedure, "catch": 0, "practice": {"trials": 0}}
    )
    rows = []
    for number in range(observers):
        observer = SimulatedObserver(FOLLOWS, TASKS[task], np.random.default_rng([seed, number]))
        trials = order([condition(LEVELS)], asked, seed + number, [""])
        rows += [
            (f"{number}", trial.level, int(correct), not trial.arrangement.informative)
            for trial, correct in answers(trials, observer)
        ]
    frame = pd.DataFrame(rows, columns=["observer", "level", "correct", "same"])
    return frame.assign(condition="one", stimulus="one", n=1, task=task)


def check(thresholds, low, high):
    observers = len(thresholds)
    assert abs(np.mean(thresholds) - FOLLOWS.threshold) < 0.05 * RANGE
    covered = int(np.sum((low <= FOLLOWS.threshold) & (high >= FOLLOWS.threshold)))
    least, most = binom.interval(1 - 1e-4, observers, 0.95)
    assert least <= covered <= most


@pytest.mark.parametrize(
    ("procedure", "task"),
    [
        ({"kind": "constant_stimuli", "trials": 48}, "oddity"),
        ({"kind": "staircase", "trials": 180, "start": [0, 4], "step": [1]}, "match_to_sample"),
    ],
)
def test_thresholds_fitted_to_sessions_are_the_true_ones(procedure, task, seed, count):
    frame = frame_of(procedure, task, count(20, 200), seed % 10**6)
    fits = psychometric.fit(frame, by=("observer",), curve="weibull", overdispersion=False)
    assert (fits["measurable"] == "measured").mean() > 0.9
    fits = fits[fits["measurable"] == "measured"]
    check(
        fits["threshold"].to_numpy(),
        fits["threshold_low"].to_numpy(),
        fits["threshold_high"].to_numpy(),
    )


def test_quest_plus_knows_the_threshold_by_itself(rng, count):
    task = TASKS["match_to_sample"]
    found = []
    for _ in range(count(10, 200)):
        quest = QuestPlus(
            LEVELS[1:], trials=120, function="weibull", widths=(0.8, 1.3, 2.1),
            guesses=(task.chance,), lapses=(0.0, 0.04),
        )  # fmt: skip
        while quest.remaining:
            right = rng.random() < FOLLOWS.proportion(quest.level(), task)
            quest.answered(bool(right), True)
        found.append(quest.threshold())
    check(*np.array(found).T)


def test_reversals_of_a_staircase_settle_where_levitt_says(rng, count):
    """Two down, one up: ψ = √.5 (Levitt 1971). Mean of reversals, to 5 % of the range."""
    task = TASKS["match_to_sample"]
    levels = np.linspace(0.05, 1.0, 39)
    true = np.interp(np.sqrt(0.5), [FOLLOWS.proportion(level, task) for level in levels], levels)
    means = []
    for _ in range(count(100, 500)):
        stair = Staircase(
            levels.tolist(), down=2, up=1, trials=400, reversals=40, start=0, steps=(4, 2, 1)
        )
        while stair.remaining:
            stair.answered(bool(rng.random() < FOLLOWS.proportion(stair.level(), task)), True)
        means.append(np.mean(stair.reversals[6:]))
    assert abs(np.mean(means) - true) < 0.05 * RANGE

"""Same–different is recovered: thresholds, false-alarm rates and d′, QUEST+ included.

Intervals hold the truth as often as they say: a coverage of .95 in n observers is refused with
probability below 1e-4.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis import psychometric, sensitivity
from psychophysics.config import ExperimentConfig
from psychophysics.observers import Psychometric, SimulatedObserver
from psychophysics.session import answers
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import order
from tests.psychophysics.conditions import condition

TASK = TASKS["same_different"]
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
FOLLOWS = Psychometric(threshold=0.45, width=1.3, lapse=0.02, false_alarms=0.2)
FALSE_ALARM = 1e-4


def sat(procedure, follows, observers, seed):
    """Sessions of several observers, in the columns of `analysis`."""
    asked = ExperimentConfig.model_validate(
        {"task": TASK.name, "procedure": procedure, "catch": 0, "practice": {"trials": 0}}
    )
    rows = []
    for number in range(observers):
        observer = SimulatedObserver(follows, TASK, np.random.default_rng([seed, number]))
        trials = order([condition(LEVELS)], asked, seed + number, [""])
        rows += [
            (f"{number:03d}", trial.level, int(correct), not trial.arrangement.informative)
            for trial, correct in answers(trials, observer)
        ]
    frame = pd.DataFrame(rows, columns=["observer", "level", "correct", "same"])
    return frame.assign(condition="one", stimulus="one", n=1, task=TASK.name)


def holds(table, name, truth):
    return int(((table[f"{name}_low"] <= truth) & (truth <= table[f"{name}_high"])).sum())


def accepted(held, n):
    return binom.cdf(held, n, 0.95) >= FALSE_ALARM


@pytest.mark.parametrize(
    "procedure",
    [
        {"kind": "constant_stimuli", "trials": 40},
        pytest.param(
            {"kind": "quest_plus", "trials": 320, "trials_at_zero": 0,
             "widths": [0.8, 1.3, 2.1], "lapses": [0.0, 0.02, 0.05],
             "false_alarms": [0.05, 0.1, 0.2, 0.35]},
            marks=pytest.mark.full,
        ),
    ],
    ids=lambda procedure: procedure["kind"],
)  # fmt: skip
def test_thresholds_and_false_alarm_rates(procedure, seed, count):
    n = count(6, 100)
    frame = sat(procedure, FOLLOWS, n, seed % 10**6)
    fits = psychometric.fit(frame, by=("observer",), overdispersion=False)
    assert (fits["measurable"] == "measured").mean() > 0.9
    assert accepted(holds(fits, "threshold", FOLLOWS.threshold), n)
    assert accepted(holds(fits, "guess", FOLLOWS.false_alarms), n)


def test_sensitivity_under_differencing(seed, count):
    """Without lapses the simulated observer has a d′ at each level, and decides by differences."""
    follows = Psychometric(threshold=0.45, width=1.3, false_alarms=0.2)
    n = count(40, 200)
    frame = sat({"kind": "constant_stimuli", "trials": 40}, follows, n, seed % 10**6)
    table = sensitivity.table(frame)
    observer = SimulatedObserver(follows, TASK, np.random.default_rng(0))
    for level in (0.3, 0.5):
        at = table[table["level"] == level]
        assert len(at) == n
        assert accepted(holds(at, "dprime_differencing", observer.d_prime(level)), n)

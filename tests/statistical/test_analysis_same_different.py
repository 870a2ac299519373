"""Same–different is recovered: thresholds, false-alarm rates and d′, QUEST+ included.

Each test finds a coverage of .80 with probability .9; its false-alarm rate is 1e-3. What the fits
find without chance is in `test_psychometric_width.py`, coverage of d′ in
`test_dprime_intervals.py`.
"""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import psychometric, sensitivity
from psychophysics.config import ExperimentConfig
from psychophysics.observers import Psychometric, SimulatedObserver
from psychophysics.session import answer_trials
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import generate_trials
from tests.psychophysics.conditions import condition
from tests.statistical.bands import FALSE_ALARM, Intervals, Rate

TASK = TASKS["same_different"]
LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
FOLLOWS = Psychometric(threshold=0.45, width=1.3, lapse=0.02, false_alarms=0.2)


def sat(procedure, follows, observers, seed):
    """Sessions of several observers, in the columns of `analysis`."""
    asked = ExperimentConfig.model_validate(
        {"task": TASK.name, "procedure": procedure, "catch": 0, "practice": {"trials": 0}}
    )
    rows = []
    for number in range(observers):
        observer = SimulatedObserver(follows, TASK, np.random.default_rng([seed, number]))
        trials = generate_trials([condition(LEVELS)], asked, seed + number, [""])
        rows += [
            (f"{number:03d}", trial.level, int(correct), not trial.arrangement.informative)
            for trial, correct in answer_trials(trials, observer)
        ]
    frame = pd.DataFrame(rows, columns=["observer", "level", "correct", "same"])
    return frame.assign(condition="one", stimulus="one", n=1, task=TASK.name)


def holds(table, name, truth):
    return int(((table[f"{name}_low"] <= truth) & (truth <= table[f"{name}_high"])).sum())


@pytest.mark.full
@pytest.mark.parametrize(
    "procedure",
    [
        {"kind": "constant_stimuli", "trials": 40},
        {"kind": "quest_plus", "trials": 320, "trials_at_zero": 0,
         "widths": [0.8, 1.3, 2.1], "lapses": [0.0, 0.02, 0.05],
         "false_alarms": [0.05, 0.1, 0.2, 0.35]},
    ],
    ids=lambda procedure: procedure["kind"],
)  # fmt: skip
def test_thresholds_and_false_alarm_rates(procedure, seed):
    """Thresholds: also intervals twice as wide, and a bias of .6 standard errors."""
    n = 125
    thresholds = Intervals(n, bias=0.6, allowed_bias=0.1, alpha=FALSE_ALARM / 2)
    guesses = Rate(n, (0.94, 1.0), (0.8,), FALSE_ALARM / 2)
    frame = sat(procedure, FOLLOWS, n, seed % 10**6)
    fits = psychometric.fit(frame, by=("observer",), overdispersion=False)
    assert (fits["measurable"] == "measured").all()
    each = [np.log(fits[f"threshold{end}"].to_numpy()) for end in ("", "_low", "_high")]
    thresholds.check(*each, np.log(FOLLOWS.threshold))
    guesses.check(holds(fits, "guess", FOLLOWS.false_alarms))


def test_sensitivity_under_differencing(seed, full):
    """Without lapses the simulated observer has a d′ at each level, and decides by differences.

    Two levels, at whose d′ the exact coverage of the intervals is .94 to .96. It finds observers
    who follow another rule, for whom the coverage is .80 (at reduced counts, .60).
    """
    follows = Psychometric(threshold=0.45, width=1.3, false_alarms=0.2)
    n, too_low = (200, 0.8) if full else (24, 0.6)
    check = Rate(n, (0.94, 0.96), (too_low,), FALSE_ALARM / 2)
    procedure = {"kind": "constant_stimuli", "trials": 24}
    frame = sat(procedure, follows, check.n, seed % 10**6)
    shown = frame[frame["same"] | frame["level"].isin((0.3, 0.5))]
    table = sensitivity.table(shown)
    observer = SimulatedObserver(follows, TASK, np.random.default_rng(0))
    for level in (0.3, 0.5):
        at = table[table["level"] == level]
        check.check(holds(at, "dprime_differencing", observer.d_prime(level)))

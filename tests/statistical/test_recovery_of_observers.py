"""Simulated observers of known threshold are found again by each procedure.

At full counts each test finds a coverage of .80, intervals twice as wide and a bias of .6 standard
errors, each with probability .9; at reduced counts a coverage of .55 and a bias of one standard
error. Its false-alarm rate is 1e-3 (`tests.statistical.bands`).
"""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import psychometric
from psychophysics.config import ExperimentConfig
from psychophysics.observers import Psychometric, SimulatedObserver
from psychophysics.procedures.quest_plus import QuestPlus
from psychophysics.procedures.staircase import Staircase
from psychophysics.session import answer_trials
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import generate_trials
from tests.psychophysics.conditions import condition
from tests.statistical.bands import FALSE_ALARM, Bias, Intervals, Rate

LEVELS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0)
FOLLOWS = Psychometric(threshold=0.45, width=1.3, lapse=0.02)
REDUCED = {"too_low": 0.55, "wider": None, "bias": 1.0}
FEW = (0.0, 0.2, 0.35, 0.5, 0.7, 1.0)  # a fit takes as long as it has levels


def frame_of(procedure, task, observers, seed, levels=LEVELS):
    """Answers of several observers, in the columns of `analysis`."""
    asked = ExperimentConfig.model_validate(
        {"task": task, "procedure": procedure, "catch": 0, "practice": {"trials": 0}}
    )
    rows = []
    for number in range(observers):
        observer = SimulatedObserver(FOLLOWS, TASKS[task], np.random.default_rng([seed, number]))
        trials = generate_trials([condition(levels)], asked, seed + number, [""])
        rows += [
            (f"{number}", trial.level, int(correct), not trial.arrangement.informative)
            for trial, correct in answer_trials(trials, observer)
        ]
    frame = pd.DataFrame(rows, columns=["observer", "level", "correct", "same"])
    return frame.assign(condition="one", stimulus="one", n=1, task=task)


def recovered(observers, **faults):
    """Check thresholds on log x, where estimates are about normal and have a bias below .1."""
    found = {"bias": 0.6} | faults
    return Intervals(observers, allowed_bias=0.1, alpha=FALSE_ALARM / 2, **found)


def check(checked, thresholds, low, high):
    checked.check(np.log(thresholds), np.log(low), np.log(high), np.log(FOLLOWS.threshold))


@pytest.mark.parametrize(
    ("procedure", "task", "levels"),
    [
        ({"kind": "constant_stimuli", "trials": 48}, "oddity", FEW),
        pytest.param(
            {"kind": "staircase", "trials": 180, "start": [0, 4], "step": [1]},
            "match_to_sample",
            LEVELS,
            marks=pytest.mark.full,
        ),
    ],
)
def test_thresholds_fitted_to_sessions_are_the_true_ones(procedure, task, levels, seed, full):
    """Thresholds and lapse rates of people who lapse."""
    observers = 200 if full else 42
    thresholds = recovered(observers, **({} if full else REDUCED))
    too_low = 0.8 if full else REDUCED["too_low"]
    lapses = Rate(observers, (0.95, 1.0), (too_low,), FALSE_ALARM / 2)
    frame = frame_of(procedure, task, observers, seed % 10**6, levels)
    fits = psychometric.fit(frame, by=("observer",), curve="weibull", overdispersion=False)
    assert (fits["measurable"] == "measured").all()
    check(
        thresholds,
        *(fits[f"threshold{end}"].to_numpy() for end in ("", "_low", "_high")),
    )
    lapses.check(((fits["lapse_low"] <= 0.02) & (fits["lapse_high"] >= 0.02)).sum())


@pytest.mark.full
def test_quest_plus_finds_the_threshold(rng):
    """Each step is tested exactly in tests/psychophysics/procedures; this is all of it."""
    checked = recovered(200)
    task = TASKS["match_to_sample"]
    found = []
    for _ in range(checked.n):
        quest = QuestPlus(
            LEVELS[1:], trials=120, function="weibull", widths=(0.8, 1.3, 2.1),
            guesses=(task.chance,), lapses=(0.0, 0.04),
        )  # fmt: skip
        while quest.remaining:
            right = rng.random() < FOLLOWS.proportion(quest.level(), task)
            quest.update(bool(right), True)
        found.append(quest.threshold())
    check(checked, *np.array(found).T)


def test_reversals_of_a_staircase_settle_where_levitt_says(rng, count):
    """Two down, one up: ψ = √.5 (Levitt 1971).

    A mean of reversals has a standard deviation of .038 and a bias of .1 of that. It finds a bias
    of .8 of it, .03, with probability .9: three down, one up settles .076 away. False alarm 1e-3.
    """
    checked = Bias(count(100, 500), fault=0.8, allowed=0.15)
    task = TASKS["match_to_sample"]
    levels = np.linspace(0.05, 1.0, 39)
    true = np.interp(np.sqrt(0.5), [FOLLOWS.proportion(level, task) for level in levels], levels)
    means = []
    for _ in range(checked.n):
        stair = Staircase(
            levels.tolist(), down=2, up=1, trials=400, reversals=40, start=0, steps=(4, 2, 1)
        )
        while stair.remaining:
            stair.update(bool(rng.random() < FOLLOWS.proportion(stair.level(), task)), True)
        means.append(np.mean(stair.reversals[6:]))
    checked.check(np.array(means) - true)

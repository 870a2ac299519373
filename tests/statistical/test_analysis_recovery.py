"""Recovery through the real session loop: 95 % intervals hold the truth as often as they say.

Simulated people sit through sessions; what comes off the disk goes through the analysis. The
false-alarm rate of a test is 1e-3; its power is .9 against the faults that it names
(`tests.statistical.bands`). Most need counts that only `make test-full` makes; what can be known
without chance is in `test_psychometric_width.py`.
"""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import psychometric, threshold_likelihood
from analysis.trials import sessions
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study
from tests.statistical.bands import FALSE_ALARM, Bias, Intervals, Rate

LEVELS = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])


@pytest.mark.full
@pytest.mark.parametrize(
    ("task", "overdispersion", "material"),
    [
        ("oddity", True, 0.3),
        ("match_to_sample", False, 20.0),  # far beyond the levels, which end at 1
        ("same_different", False, 0.3),
    ],
)
def test_thresholds_through_the_session_loop(task, overdispersion, material, tmp_path, seed):
    """Single fits of simulated people, from set and sessions on disk to interval.

    It finds a coverage of .80, and where every threshold is measured by a binomial fit, intervals
    twice as wide.
    """
    truth = {"shape": 0.3, "material": material}
    people = 32  # × 4 conditions
    held = Rate(4 * people, (0.94, 1.0), (0.8,), FALSE_ALARM / 2)
    widths = Intervals(4 * people, bias=None, alpha=FALSE_ALARM / 2)
    simulated_study.write(tmp_path)
    data = simulated_study.answer(
        tmp_path, people, task=task, trials=20, thresholds=truth, spread=0, seed=seed % 1000
    )
    with StimulusSet(tmp_path / "stimuli.h5") as stimuli:
        trials = sessions.load(data, stimuli)
    main = trials[trials["phase"] == "main"]
    cells = ("observer", "attribute", "condition", "role")
    fits = psychometric.fit(main, by=cells, overdispersion=overdispersion)
    true = fits["attribute"].map(truth)
    held.check(((fits["threshold_low"] <= true) & (fits["threshold_high"] >= true)).sum())
    if task == "same_different":
        each = [np.log(fits[f"threshold{end}"].to_numpy()) for end in ("", "_low", "_high")]
        widths.check(*each, np.log(true.to_numpy()))


def test_thresholds_of_a_group_do_not_depend_on_the_prior_of_widths(rng, count):
    """Twenty people of 48 trials each, and a wide curve: the mean threshold is right on average.

    Widths that are integrated out person by person put it .13 octaves too high. An estimate has a
    standard deviation of .12: it finds that fault with probability .9, and raises a false alarm
    with 1e-3.
    """
    check = Bias(count(24, 100), fault=0.13 / 0.12)
    width, steepness = 2.5, np.log(-np.log(0.05)) - np.log(-np.log(0.95))
    rise = 1 - 0.5 ** np.exp(steepness * np.log(LEVELS / 0.3) / width)
    grid = threshold_likelihood.grid_for(LEVELS)
    grid = grid[np.abs(grid - np.log2(0.3)) < 3.5]  # farther values do not matter
    found = []
    for _ in range(check.n):
        right = rng.binomial(8, 1 / 3 + (2 / 3 - 0.02) * rise, (20, len(LEVELS)))
        frame = {"condition": "c", "stimulus": "s", "n": 8, "task": "oddity"}
        trials = [
            pd.DataFrame({"level": LEVELS, "correct": k} | frame).assign(observer=f"p{number}")
            for number, k in enumerate(right)
        ]
        found.append(threshold_likelihood.group(trials, grid).mode - np.log2(0.3))
    check.check(np.array(found))

"""Recovery through the real session loop: 95 % intervals hold the truth as often as they say.

Simulated people sit through sessions; what comes off the disk goes through the analysis. Bands are
binomial: a coverage of .95 in n experiments is refused with probability below 1e-4.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis import invariance, psychometric, sessions
from analysis.load import from_table
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study

LEVELS = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])
FALSE_ALARM = 1e-4


def refused(held: int, n: int, coverage: float = 0.95) -> bool:
    """Tell whether so few of n intervals hold the truth that the stated coverage is refused."""
    return binom.cdf(held, n, coverage) < FALSE_ALARM


def simulated(names, thresholds, n, rng, condition="shape"):
    """Answers of observers with a Weibull (slope 2.5) and lapses of .02, in oddity."""
    rows = []
    for name, m in zip(names, thresholds, strict=True):
        p = 1 / 3 + (2 / 3 - 0.02) * (1 - 0.5 ** ((LEVELS / m) ** 2.5))
        for level, k in zip(LEVELS, rng.binomial(n, p), strict=True):
            rows.append({"observer": name, "level": level, "correct": k, "n": n})
    frame = pd.DataFrame(rows).assign(condition=condition, stimulus="s")
    return from_table(frame, task="oddity")


@pytest.mark.parametrize("task", ["oddity", "match_to_sample"])
def test_thresholds_through_the_session_loop(task, tmp_path, seed, count):
    """Single fits of simulated people, from set and sessions on disk to interval."""
    people = count(3, 50)  # × 4 conditions: 12 or 200 thresholds
    simulated_study.write(tmp_path)
    data = simulated_study.answer(
        tmp_path, people, task=task, trials=20, spread=0, seed=seed % 1000
    )
    with StimulusSet(tmp_path / "stimuli.h5") as stimuli:
        trials = sessions.load(data, stimuli)
    main = trials[trials["phase"] == "main"]
    fits = psychometric.fit(main, by=("observer", "condition", "role"), overdispersion=False)
    held = (fits["threshold_low"] <= 0.3) & (fits["threshold_high"] >= 0.3)
    assert len(fits) == 4 * people
    assert not refused(int(held.sum()), len(fits))


@pytest.mark.parametrize(
    ("people_at", "model_at"),
    [
        (-2.0, -2.0),  # the same observer: p < .05 in 5 % of experiments
        (-2.0, -1.0),
        (-0.2, -1.5),  # some people beyond the last level
        (-2.0, 0.5),  # the model beyond it
        (1.0, -1.5),  # nearly all people beyond it
    ],
)
def test_invariance_ratio_censored_or_not(people_at, model_at, rng, count):
    n = count(12, 200)
    held = positive = 0
    for _ in range(n):
        thresholds = 2.0 ** (people_at + 0.5 * rng.standard_normal(8))
        people = simulated([f"p{number}" for number in range(8)], thresholds, 30, rng)
        model = simulated(["net"], [2.0**model_at], 240, rng)
        row = invariance.compare(people, model).iloc[0]
        held += row["log2_ratio_low"] <= model_at - people_at <= row["log2_ratio_high"]
        positive += row["p"] < 0.05
    assert not refused(held, n)
    if people_at == model_at:
        assert binom.sf(positive - 1, n, 0.05) > FALSE_ALARM
    else:
        assert positive > n / 2

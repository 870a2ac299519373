"""Recovery through the real session loop: 95 % intervals hold the truth as often as they say.

Simulated people sit through sessions; what comes off the disk goes through the analysis. Bands are
binomial: a coverage of .95 in n experiments is refused with probability below 1e-4.
"""

import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis import (
    exclusions,
    invariance,
    model_observers,
    psychometric,
    sessions,
    threshold_likelihood,
)
from analysis.config import ExclusionsConfig
from analysis.load import from_table
from analysis.study_report import distances
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


@pytest.mark.parametrize(
    ("task", "overdispersion", "material"),
    [
        ("oddity", True, 0.3),
        ("match_to_sample", False, 20.0),  # far beyond the levels, which end at 1
        ("same_different", False, 0.3),
    ],
)
def test_thresholds_through_the_session_loop(task, overdispersion, material, tmp_path, seed, count):
    """Single fits of simulated people, from set and sessions on disk to interval."""
    truth = {"shape": 0.3, "material": material}
    people = count(2, 50)  # × 4 conditions: 8 or 200 thresholds
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
    held = (fits["threshold_low"] <= true) & (fits["threshold_high"] >= true)
    assert len(fits) == 4 * people
    assert not refused(int(held.sum()), len(fits))


@pytest.mark.parametrize(
    ("people_at", "model_at"),
    [
        (-2.0, -2.0),  # the same observer: p < .05 in 5 % of experiments
        pytest.param(-2.0, -1.0, marks=pytest.mark.full),
        pytest.param(-0.2, -1.5, marks=pytest.mark.full),  # some people beyond the last level
        (-2.0, 0.5),  # the model beyond it
        pytest.param(1.0, -1.5, marks=pytest.mark.full),  # nearly all people beyond it
    ],
)
def test_invariance_ratio_censored_or_not(people_at, model_at, rng, count):
    n = count(8, 200)
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


SEES = 0.5  # distance that people and model find at level 1 of controls


@pytest.mark.parametrize(
    ("people_see", "model_sees"),
    [
        (0.5, 0.5),  # the same observer
        # The model is half as sensitive to what its searches change.
        pytest.param(0.5, 0.25, marks=pytest.mark.full),
        (0.5, 0.0125),  # so little that its threshold is beyond the levels
        pytest.param(0.0125, 0.5, marks=pytest.mark.full),  # people's are
    ],
)
def test_the_whole_way_from_sessions_to_ratios(people_see, model_sees, tmp_path, seed, count):
    """People who decide by distances, against a model whose noise is fitted to their controls.

    They find the same distances in controls, so that its noise is theirs. Distances grow with
    level to the power 1.5, so thresholds lie log₂(ratio of sensitivities)/1.5 octaves apart.
    """
    n = count(2, 50)
    truth = np.log2(people_see / model_sees) / simulated_study.GROWTH
    simulated_study.write(
        tmp_path,
        sensitivity={
            "people": dict.fromkeys(("shape", "material"), (people_see, SEES)),
            "net": dict.fromkeys(("shape", "material"), (model_sees, SEES)),
        },
    )
    held = positive = 0.0
    for number in range(n):
        rows = _ratios(tmp_path, seed % 10**6 + number)
        held += ((rows["log2_ratio_low"] <= truth) & (truth <= rows["log2_ratio_high"])).mean()
        positive += (rows["p"] < 0.05).mean()
        for who, sees in (("people", people_see), ("model", model_sees)):
            assert (rows[f"{who}_measurable"] == ("measured" if sees > 0.1 else "above")).all()
    # The two conditions of an experiment share people and noise: they count as one.
    assert not refused(round(held), n)
    if truth == 0:
        assert binom.sf(round(positive) - 1, n, 0.05) > FALSE_ALARM
    if abs(truth) > 1:
        assert positive == n


def _ratios(folder, seed):
    """An experiment of six people, analysed: the table of ratios."""
    shutil.rmtree(folder / "data-simulated", ignore_errors=True)
    data = simulated_study.answer_by_distances(
        folder, 6, "people", noise=0.08, trials=8, spread=0.3, seed=seed
    )
    with StimulusSet(folder / "stimuli.h5") as stimuli:
        trials = sessions.load(data, stimuli)
        layers = {("net", "late"): distances(stimuli, trials)["net", "late"]}
    kept, _, _ = exclusions.applied(trials, ExclusionsConfig(catch=0))
    predicted, _ = model_observers.predict(kept, layers)
    return invariance.compare(kept, predicted, x="physical_distance")


def test_a_group_does_not_lean_to_where_the_prior_of_widths_does(rng, count):
    """Twenty people of 48 trials each, and a wide curve: the mean threshold is right on average.

    Widths that are integrated out person by person put it .13 octaves too high.
    """
    width, steepness = 2.5, np.log(-np.log(0.05)) - np.log(-np.log(0.95))
    rise = 1 - 0.5 ** np.exp(steepness * np.log(LEVELS / 0.3) / width)
    grid = threshold_likelihood.grid_for(LEVELS)
    found = []
    for _ in range(count(24, 100)):
        right = rng.binomial(8, 1 / 3 + (2 / 3 - 0.02) * rise, (20, len(LEVELS)))
        people = [pd.DataFrame({"level": LEVELS, "correct": k, "n": 8}) for k in right]
        named = [each.assign(observer="o", condition="c", stimulus="s") for each in people]
        trials = [from_table(each, task="oddity") for each in named]
        found.append(threshold_likelihood.group(trials, grid).mode - np.log2(0.3))
    # An estimate has a standard deviation of .12 octaves, the mean of 24 of .024: z = 3.7.
    assert abs(np.mean(found)) < 0.09

"""Recovery through the real session loop: 95 % intervals hold the truth as often as they say.

Simulated people sit through sessions; what comes off the disk goes through the analysis. The
false-alarm rate of a test is 1e-3; its power is .9 against the faults that it names
(`tests.statistical.bands`). Most need counts that only `make test-full` makes; what can be known
without chance is in `test_psychometric_width.py`.
"""

import shutil

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t

from analysis.config import ExclusionsConfig
from analysis.report.study_report import distances
from analysis.statistics import invariance, model_observers, psychometric, threshold_likelihood
from analysis.trials import exclusions, sessions
from analysis.trials.load import from_table
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study
from tests.statistical.bands import FALSE_ALARM, Bias, Intervals, Rate

LEVELS = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])


def simulated(names, thresholds, n, rng, condition="shape"):
    """Answers of observers with a Weibull (slope 2.5) and lapses of .02, in oddity."""
    rows = []
    for name, m in zip(names, thresholds, strict=True):
        p = 1 / 3 + (2 / 3 - 0.02) * (1 - 0.5 ** ((LEVELS / m) ** 2.5))
        for level, k in zip(LEVELS, rng.binomial(n, p), strict=True):
            rows.append({"observer": name, "level": level, "correct": k, "n": n})
    frame = pd.DataFrame(rows).assign(condition=condition, stimulus="s")
    return from_table(frame, task="oddity")


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


@pytest.mark.full
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
def test_invariance_ratio_censored_or_not(people_at, model_at, rng):
    """It finds a coverage of .80, and where people and model are alike also an error rate of .10.

    There it finds intervals twice as wide and a bias of half a standard error, too.
    """
    alike = people_at == model_at
    n = 580 if alike else 115
    held = Rate(n, (0.94, 1.0), (0.8,), FALSE_ALARM / 3)
    rows = []
    for _ in range(n):
        thresholds = 2.0 ** (people_at + 0.5 * rng.standard_normal(8))
        people = simulated([f"p{number}" for number in range(8)], thresholds, 30, rng)
        model = simulated(["net"], [2.0**model_at], 240, rng)
        rows.append(invariance.compare(people, model).iloc[0])
    table = pd.DataFrame(rows)
    low, high, truth = table["log2_ratio_low"], table["log2_ratio_high"], model_at - people_at
    held.check(((low <= truth) & (truth <= high)).sum())
    if alike:
        checked = Intervals(n, allowed_bias=0.1, alpha=FALSE_ALARM / 3)
        checked.check(table["log2_ratio"], low, high, truth, quantile=t.ppf(0.975, 7))
        Rate(n, (0.0, 0.05), (0.1,), FALSE_ALARM / 3).check((table["p"] < 0.05).sum())
    else:
        assert (table["p"] < 0.05).mean() > 0.5


SEES = 0.5  # distance that people and model find at level 1 of controls


ALIKE = (0.5, 0.5)
BLIND = (0.5, 0.0125)  # the model sees so little that its threshold is beyond the levels


def test_one_experiment_from_sessions_to_ratios(tmp_path, seed):
    """People who decide by distances, against a model whose noise is fitted to their controls.

    They find the same distances in controls, so that its noise is theirs. In shape the model is
    like people, in material it is blind. Distances grow with level to the power 1.5, so thresholds
    are log₂(ratio of sensitivities)/1.5 octaves apart. Intervals at 99.95 % hold the truth; they
    are less than three octaves wide where both thresholds are measured.
    """
    truth = _study(tmp_path, {"shape": ALIKE, "material": BLIND})
    rows = _ratios(tmp_path, seed % 10**6, coverage=1 - FALSE_ALARM / 2)
    rows = rows.set_index(rows["condition"].str.partition(",")[0])
    assert (rows["people_measurable"] == "measured").all()
    assert rows["model_measurable"].to_dict() == {"shape": "measured", "material": "above"}
    for attribute, row in rows.iterrows():
        assert row["log2_ratio_low"] <= truth[attribute] <= row["log2_ratio_high"]
    assert rows.loc["material", "log2_ratio_low"] > 0
    assert rows.loc["shape", "log2_ratio_high"] - rows.loc["shape", "log2_ratio_low"] < 3


@pytest.mark.full
@pytest.mark.parametrize(
    ("people_see", "model_sees"),
    [
        ALIKE,
        (0.5, 0.25),  # the model is half as sensitive to what its searches change
        BLIND,
        (0.0125, 0.5),
    ],
)
def test_many_experiments_from_sessions_to_ratios(people_see, model_sees, tmp_path, seed):
    """The same, many times, with equal attributes: it finds a coverage of .70, and an
    error rate of .20 in place of .05.

    The two conditions of an experiment share people and noise: they count as one.
    """
    n = 100
    coverage = Rate(n, (0.94, 1.0), (0.7,), FALSE_ALARM / 2)
    error_rate = Rate(n, (0.0, 0.05), (0.2,), FALSE_ALARM / 2)
    both = people_see, model_sees
    truth = _study(tmp_path, {"shape": both, "material": both})["shape"]
    held = positive = 0.0
    for number in range(n):
        rows = _ratios(tmp_path, seed % 10**6 + number)
        held += ((rows["log2_ratio_low"] <= truth) & (truth <= rows["log2_ratio_high"])).mean()
        positive += (rows["p"] < 0.05).mean()
        for who, sees in (("people", people_see), ("model", model_sees)):
            assert (rows[f"{who}_measurable"] == ("measured" if sees > 0.1 else "above")).all()
    coverage.check(round(held))
    if truth == 0:
        error_rate.check(round(positive))
    if abs(truth) > 1:
        assert positive == n


def _study(folder, sees):
    """Write a set in which people and model see these; return the log₂ ratios of thresholds."""
    simulated_study.write(
        folder,
        sensitivity={
            observer: {attribute: (both[place], SEES) for attribute, both in sees.items()}
            for place, observer in enumerate(("people", "net"))
        },
    )
    growth = simulated_study.GROWTH
    return {name: np.log2(people / model) / growth for name, (people, model) in sees.items()}


def _ratios(folder, seed, coverage=0.95):
    """An experiment of six people, analysed: the table of ratios."""
    shutil.rmtree(folder / "data-simulated", ignore_errors=True)
    data = simulated_study.answer_by_distances(
        folder, 6, "people", noise=0.08, trials=8, spread=0.3, seed=seed
    )
    with StimulusSet(folder / "stimuli.h5") as stimuli:
        trials = sessions.load(data, stimuli)
        layers = {("net", "late"): distances(stimuli, trials)["net", "late"]}
    kept, _, _ = exclusions.apply(trials, ExclusionsConfig(catch=0))
    predicted, _ = model_observers.predict(kept, layers)
    return invariance.compare(kept, predicted, x="physical_distance", coverage=coverage)


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

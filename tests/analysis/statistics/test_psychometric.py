"""Fits of single cells: what is measured, what is not, and in which units."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import posterior, psychometric
from analysis.trials.load import from_table
from scenes.base.errors import InputError

# psignifit's published example (2AFC, 13 levels of 90 trials).
LEVELS = [
    0.001,
    0.0015,
    0.002,
    0.0025,
    0.003,
    0.0035,
    0.004,
    0.0045,
    0.005,
    0.006,
    0.007,
    0.008,
    0.01,
]
HITS = [45, 50, 44, 44, 52, 53, 62, 64, 76, 79, 88, 90, 90]


def table(levels, hits, n, task="2afc"):
    frame = pd.DataFrame({"level": levels, "correct": hits, "n": n})
    return from_table(frame.assign(observer="ann", condition="shape", stimulus="bunny"), task=task)


@pytest.fixture(scope="module")
def example():
    trials = table(LEVELS, HITS, 90)
    return psychometric.fit_cells(trials, curve="norm")[0]


def test_threshold_in_units_of_x_whatever_the_axis(example):
    on_log = psychometric.fit(table(LEVELS, HITS, 90), overdispersion=False)
    assert on_log["threshold"].item() == pytest.approx(example.mode["threshold"], rel=0.05)


def test_samples_have_the_intervals_of_the_posterior(example):
    # psignifit's own 95 % interval of the example; its grid has steps of 2e-5.
    found = np.quantile(example.samples["threshold"], [0.025, 0.975])
    assert found == pytest.approx([0.004251, 0.004932], abs=6e-5)
    low, high = example.band(np.array([0.005]))
    assert low < example.evaluate(np.array([0.005])) < high


def test_stated_proportion_is_where_the_curve_has_it():
    made = psychometric.fit_cells(table(LEVELS, HITS, 90), curve="norm", proportion=0.8)[0]
    threshold, samples = psychometric.thresholds(made)
    assert made.evaluate(np.array([threshold])) == pytest.approx([0.8], abs=1e-6)
    assert samples.shape == (posterior.SAMPLES,)


@pytest.mark.full
def test_processes_change_nothing():
    people = [table(LEVELS, HITS, 90).assign(observer=name) for name in ("ann", "bob", "cat")]
    trials = pd.concat(people, ignore_index=True)
    one, two = (
        psychometric.fit(trials, curve="norm", overdispersion=False, workers=number)
        for number in (1, 2)
    )
    pd.testing.assert_frame_equal(one, two, check_exact=True)


def test_guessing_is_not_measurable_and_has_a_bound():
    row = psychometric.fit(table(LEVELS, 45, 90), overdispersion=False).iloc[0]
    assert (row["measurable"], row["bound"]) == ("above", 0.01)
    assert np.isnan(row["threshold"])
    assert row["threshold_low"] > 0.001
    assert row["threshold_high"] == np.inf  # psignifit's own limit is that of its prior


def test_all_correct_is_below_the_tested_levels():
    row = psychometric.fit(table(LEVELS, 90, 90), overdispersion=False).iloc[0]
    assert (row["measurable"], row["bound"]) == ("below", 0.001)
    assert np.isnan(row["threshold"])
    assert row["threshold_low"] == 0
    assert row["threshold_high"] < 0.01
    linear = psychometric.fit(table(LEVELS, 90, 90), curve="norm", overdispersion=False).iloc[0]
    assert linear["threshold_low"] == -np.inf


def test_level_zero_stays_out_on_a_log_axis():
    with_zero = table([0, *LEVELS], [45, *HITS], 90)
    fits = [psychometric.fit(f, overdispersion=False) for f in (with_zero, table(LEVELS, HITS, 90))]
    pd.testing.assert_frame_equal(*fits)


def test_same_trials_give_the_guess_rate_of_same_different():
    levels = [0, 0.1, 0.2, 0.4, 0.6, 0.8, 1]
    # 40 of 200 same trials answered "different": a false-alarm rate of .2.
    trials = table(levels, [160, 42, 60, 140, 190, 196, 197], 200, task="same_different")
    row = psychometric.fit(trials, overdispersion=False).iloc[0]
    assert row["guess"] == pytest.approx(0.2, abs=0.04)
    assert row["guess_low"] < 0.2 < row["guess_high"]
    # Half way between .2 and about .98: .59, between levels .2 (.3) and .4 (.7).
    assert 0.25 < row["threshold"] < 0.4


@pytest.mark.parametrize(
    ("trials", "options", "message"),
    [
        (table([0, 0.5], [5, 5], 10), {}, "1 level above 0 in column 'level'"),
        (
            table([-1, 1], [5, 9], 10),
            {},
            "-1, but weibull is a function of log level; use",
        ),
        (table([1, 2], [5, 9], 10), {"curve": "weibul"}, "did you mean 'weibull'"),
        (table([1, 2], [5, 9], 10), {"proportion": 0.4}, "above 0.5"),
        (table([1, 2], [5, 9], 10).drop(columns="task"), {}, "no column 'task'"),
    ],
)
def test_refusals(trials, options, message):
    with pytest.raises(InputError, match=message):
        psychometric.fit(trials, **options)

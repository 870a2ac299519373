"""Fits at the edges: liberal criteria, falling answers, units, steep and flat curves, counts.

Ranges and priors are set in `analysis.statistics.posterior`; here is what a narrower one would
break. Counts are what the curves expect, rounded, so nothing here is random. Fits are binomial.
"""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import psychometric, sensitivity
from analysis.trials import cells
from analysis.trials.load import from_table
from scenes.base.errors import InputError

LEVELS = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])
RISING = [21, 22, 30, 36, 39, 40]


def table(levels, hits, n, task="2afc"):
    frame = pd.DataFrame({"level": levels, "correct": hits, "n": n})
    return from_table(frame.assign(observer="ann", condition="shape", stimulus="bunny"), task=task)


def expected(n, *, guess=0.5, threshold=0.4, lapse=0.02, slope=2.5, levels=LEVELS):
    """Right answers that a Weibull expects of n trials at each level."""
    rise = 1 - 0.5 ** ((levels / threshold) ** slope)
    return np.round(n * (guess + (1 - guess - lapse) * rise))


def same_different(false_alarms, n, hits=None):
    """As many same trials as all others together."""
    hits = expected(n, guess=false_alarms) if hits is None else hits
    same = 6 * n
    right = same - round(same * false_alarms)
    return table([0, *LEVELS], [right, *hits], [same, *[n] * 6], task="same_different")


def fitted(trials, **options):
    return psychometric.fit(trials, overdispersion=False, **options).iloc[0]


def limits(row):
    return row["threshold_low"], row["threshold_high"]


@pytest.mark.parametrize("false_alarms", [0.02, 0.5, 0.7, 0.8, 0.9])
def test_any_criterion_gives_an_interval_that_holds_the_truth_and_narrows(false_alarms):
    """1,000 same trials, and 12,000: psignifit's own grid of false-alarm rates ends at .5."""
    few, many = (fitted(same_different(false_alarms, n)) for n in (167, 2000))
    for row in (few, many):
        low, high = limits(row)
        assert row["measurable"] == "measured"
        assert low < 0.4 < high
        assert low <= row["threshold"] <= high
        assert row["guess_low"] < false_alarms < row["guess_high"]
    spans = [np.log(row["threshold_high"] / row["threshold_low"]) for row in (few, many)]
    assert spans[1] < spans[0] / 2  # twelve times the trials: about 3.5 times as narrow
    assert many["threshold"] == pytest.approx(0.4, rel=0.05)


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_one_answer_alone_is_no_threshold_and_no_sensitivity(answer):
    trials = same_different(answer, 30, hits=[30 * answer] * 6)
    row = fitted(trials)
    assert row["measurable"] == "unknown"
    assert np.isnan(row["threshold"])
    assert limits(row) == (0, np.inf)
    made = sensitivity.table(trials, by=("observer", "condition", "level"))
    for model in sensitivity.DECISION_MODELS:
        assert made[f"dprime_{model}"].isna().all()
        assert (made[f"dprime_{model}_low"] == 0).all()
        assert np.isinf(made[f"dprime_{model}_high"]).all()


def test_nearly_always_different_is_not_called_sensitive():
    row = fitted(same_different(0.97, 30, hits=[29, 30, 28, 30, 30, 29]))
    assert row["measurable"] == "unknown"
    assert limits(row) == (0, np.inf)


def test_as_many_hits_as_false_alarms_is_above_the_levels():
    row = fitted(same_different(0.3, 30, hits=[9] * 6))
    assert (row["measurable"], row["bound"]) == ("above", 1.0)


@pytest.mark.parametrize(
    ("trials", "word"),
    [
        (table(LEVELS, RISING[::-1], 40), "falling"),
        (table(LEVELS - 3, RISING[::-1], 40), "falling"),
        (same_different(0.3, 40, hits=[39, 36, 28, 20, 14, 12]), "falling"),
        (table(LEVELS, [39, 30, 20, 20, 30, 39], 40), "not monotone"),
    ],
)
def test_answers_that_do_not_rise_are_named_and_have_no_threshold(trials, word):
    row = fitted(trials, curve="norm")
    assert row["measurable"] == row["shape"] == word
    assert np.isnan([row["threshold"], row["width"], row["lapse"], row["bound"]]).all()
    assert limits(row) == (-np.inf, np.inf)


@pytest.mark.parametrize(
    ("hits", "n", "word"),
    [
        ([20, 22, 19, 18, 21, 20], 40, "above"),  # at chance
        ([40] * 6, 40, "below"),  # at ceiling
        ([1, 0, 1, 0, 1, 1], 1, "unknown"),  # one trial a level
    ],
)
def test_flat_answers(hits, n, word):
    row = fitted(table(LEVELS, hits, n))
    assert (row["measurable"], row["shape"]) == (word, "flat")
    assert np.isnan(row["threshold"])
    assert np.isinf(row["threshold_high"]) == (word != "below")


def test_a_few_right_answers_are_not_worse_than_guessing():
    assert fitted(table([0.1, 0.2], [2, 2], 2))["measurable"] == "unknown"


@pytest.mark.parametrize(
    ("hits", "n", "word"), [(13, 40, "above"), (2, 2, "not fitted"), (39, 40, "not fitted")]
)
def test_one_level(hits, n, word):
    row = cells.too_few_levels(table([0.5], [hits], n, task="oddity")).iloc[0]
    assert row["measurable"] == word


IN_UNITS = ["threshold", "threshold_low", "threshold_high"]


@pytest.mark.parametrize("factor", [2.0**-20, 1e-6, 1e6, 2.0**20, 1e9])
@pytest.mark.parametrize("curve", ["norm", "weibull"])
def test_another_unit_of_the_levels_changes_the_unit_of_the_threshold_alone(factor, curve):
    one, other = (fitted(table(LEVELS * f, RISING, 40), curve=curve) for f in (1.0, factor))
    scaled = IN_UNITS + (["width", "width_low", "width_high"] if curve == "norm" else [])
    left = [name for name in one.index if name not in scaled]
    for name in scaled:
        assert other[name] == pytest.approx(factor * one[name], rel=1e-9)
    pd.testing.assert_series_equal(one[left], other[left], check_exact=False, rtol=1e-9)
    assert one["measurable"] == "measured"


@pytest.mark.parametrize("shift", [1e6, -3.0])
def test_where_the_levels_start_moves_the_threshold_alone(shift):
    one, other = (fitted(table(LEVELS + s, RISING, 40), curve="norm") for s in (0.0, shift))
    for name in IN_UNITS:
        assert other[name] == pytest.approx(shift + one[name], rel=1e-9)
    assert other["width"] == pytest.approx(one["width"], rel=1e-6)


def test_order_and_rounding_of_rows_change_nothing():
    levels = np.array([0.1, 0.2, 0.3, 0.4, 0.7, 1.0])
    one = fitted(table(levels, RISING, 40))
    rounded = levels * np.array([1, 1, 1 + 2e-16, 1 - 1e-16, 1, 1])
    assert rounded[2] != levels[2]
    parts = [table(levels, np.array(RISING) - 20, 20), table(rounded, [20] * 6, 20)]
    other = fitted(pd.concat(parts).sample(frac=1, random_state=3))
    assert other["levels"] == 6
    for name in IN_UNITS:
        assert other[name] == pytest.approx(one[name], rel=1e-9)


@pytest.mark.parametrize(
    "levels", [np.geomspace(1e-6, 1, 7), np.geomspace(1e-9, 1e3, 9), np.geomspace(0.5, 0.6, 7)]
)
def test_few_and_many_decades(levels):
    middle = np.sqrt(levels[0] * levels[-1])
    slope = 12 / np.log(levels[-1] / levels[0])
    hits = expected(60, threshold=middle, slope=slope, levels=levels)
    row = fitted(table(levels, hits, 60))
    assert row["measurable"] == "measured"
    assert row["threshold_low"] < middle < row["threshold_high"]
    assert row["width_low"] < 4.067 / slope < row["width_high"]


@pytest.mark.parametrize(("n", "rel"), [(40, 0.12), (1000, 0.02), (100_000, 0.002)])
def test_more_trials_narrow_the_interval_to_the_truth(n, rel):
    row = fitted(table(LEVELS, expected(n), n))
    low, high = limits(row)
    assert low < 0.4 < high
    assert low <= row["threshold"] <= high
    assert row["threshold"] == pytest.approx(0.4, rel=rel)
    # The standard error of log threshold is about 1.1/√n here.
    assert 2 < np.log(high / low) * np.sqrt(n) < 8


def test_a_step_is_measured_and_its_width_is_only_bounded():
    row = fitted(table(LEVELS, [100, 100, 100, 200, 200, 200], 200))
    assert 0.2 < row["threshold_low"] < row["threshold_high"] < 0.4
    assert row["width_low"] == 0 or row["width_low"] < 0.35
    assert row["width_high"] < 1.2


def test_a_wide_curve_has_an_open_width():
    row = fitted(table(LEVELS, [30, 31, 31, 32, 33, 33], 40))
    assert np.isinf(row["width_high"])


@pytest.mark.parametrize("lapse", [0.2, 0.3])
def test_people_who_lapse_often(lapse):
    row = fitted(table(LEVELS, expected(200, threshold=0.2, lapse=lapse), 200))
    assert row["threshold_low"] < 0.2 < row["threshold_high"]
    assert row["lapse_low"] < lapse < row["lapse_high"]
    assert row["threshold"] == pytest.approx(0.2, rel=0.25)


@pytest.mark.parametrize(("threshold", "words"), [(0.05, {"measured", "below"}), (4.0, {"above"})])
def test_thresholds_at_and_beyond_the_ends(threshold, words):
    row = fitted(table(LEVELS, expected(60, threshold=threshold), 60))
    assert row["measurable"] in words
    assert row["threshold_low"] <= threshold <= row["threshold_high"]


@pytest.mark.parametrize(
    ("hits", "proportion", "open_ends"),
    [
        ([20, 20, 20, 21, 22, 30], 0.55, (False, True)),
        ([36, 37, 38, 39, 40, 40], 0.9, (True, False)),
        ([20, 20, 20, 20, 20, 38], 0.55, (False, False)),
        ([26, 38, 40, 40, 40, 40], 0.9, (False, False)),
    ],
)
def test_a_limit_at_a_proportion_is_open_where_that_of_half_way_is(hits, proportion, open_ends):
    row = fitted(table(LEVELS, hits, 40), proportion=proportion)
    assert row["measurable"] == "measured"
    low, high = limits(row)
    assert (low == 0, np.isinf(high)) == open_ends


def test_expected_answers_are_refused():
    trials = table(LEVELS, RISING, 40).assign(correct=np.array(RISING) + 0.5)
    with pytest.raises(
        InputError, match=r"column 'correct' has the value 21\.5; a curve is fitted"
    ):
        psychometric.fit(trials)

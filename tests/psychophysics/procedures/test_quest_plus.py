"""QUEST+: Watson's example, and the posterior in threshold and width."""

import numpy as np
import pytest
from questplus import QuestPlus as Library

from psychophysics.config import ExperimentConfig
from psychophysics.procedures.quest_plus import QuestPlus
from psychophysics.psychometric_function import core

WORDS = {"function": "weibull", "widths": (0.5, 1.2, 2.6), "guesses": (1 / 3,), "lapses": (0.02,)}
LEVELS = tuple(float(level) for level in np.geomspace(0.05, 1.0, 12))


def quest(**changes):
    return QuestPlus(LEVELS, **({"trials": 30} | WORDS | changes))


def same_posterior(first, second):
    return np.array_equal(first.posterior(), second.posterior())


def test_watsons_example_is_reproduced():
    """Watson (2017), first example: Weibull of contrast in dB, threshold the one parameter.

    After 32 trials with the answers of his figure the estimate is −20 dB; these are its first
    contrasts and outcomes, as the library's own test has them.
    """
    library = Library(
        stim_domain={"intensity": np.arange(-40, 1)},
        param_domain={
            "threshold": np.arange(-40, 1), "slope": [3.5], "lower_asymptote": [0.5],
            "lapse_rate": [0.02],
        },
        outcome_domain={"response": ["Correct", "Incorrect"]},
        func="weibull", stim_scale="dB", stim_selection_method="min_entropy",
        param_estimation_method="mode",
    )  # fmt: skip
    # fmt: off
    contrasts = [-18, -22, -25, -28, -30, -22, -13, -15, -16, -18, -19, -20, -21, -22, -23, -19,
                 -20, -20, -18, -18, -19, -17, -17, -18, -18, -18, -19, -19, -19, -19, -19, -19]
    # fmt: on
    wrong = {4, 5, 14, 17, 20}
    for trial, contrast in enumerate(contrasts):
        asked = library.next_stim
        assert asked["intensity"] == contrast, trial
        response = "Incorrect" if trial in wrong else "Correct"
        library.update(stim=asked, outcome={"response": response})
    assert library.param_estimate["threshold"] == -20


def test_a_level_is_chosen_once_a_trial():
    asked, unasked = quest(), quest()
    assert asked.level() == asked.level() == asked.level()
    for _ in range(4):
        unasked.level()
        for each in (asked, unasked):
            each.update(True, True)
        assert asked.level() == unasked.level()
    assert same_posterior(asked, unasked)


def test_levels_are_those_of_the_set():
    procedure = quest()
    for right in (True, False, True, True, False, True):
        assert procedure.level() in LEVELS
        procedure.update(right, True)


def test_the_posterior_speaks_in_threshold_and_width():
    """One answer at one level: the posterior is ψ or 1 − ψ at every cell, normalised."""
    procedure = quest()
    level = procedure.level()
    procedure.update(True, True)
    thresholds, widths, weights = procedure.posterior()
    expected = np.array(
        [
            1 / 3 + (1 - 1 / 3 - 0.02) * core(level, threshold, width, "weibull")
            for threshold, width in zip(thresholds, widths, strict=True)
        ]
    )
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-9)


def test_the_same_for_the_normal():
    procedure = quest(function="norm")
    level = procedure.level()
    procedure.update(False, True)
    thresholds, widths, weights = procedure.posterior()
    assert sorted(set(np.round(widths, 9))) == [0.5, 1.2, 2.6]  # multiples of the largest level, 1
    expected = np.array(
        [
            1 - 1 / 3 - (1 - 1 / 3 - 0.02) * core(level, threshold, width, "norm")
            for threshold, width in zip(thresholds, widths, strict=True)
        ]
    )
    np.testing.assert_allclose(weights, expected / expected.sum(), rtol=1e-9)


def test_the_same_answers_give_the_same_state():
    answers = [(True, True), (False, True), (True, False), (True, True), (False, True)]
    first, second = quest(), quest()
    for procedure in (first, second):
        for correct, informative in answers:
            procedure.level()
            procedure.update(correct, informative)
    assert first.level() == second.level()
    assert same_posterior(first, second)
    assert first.remaining == 25


def test_uninformative_answers_do_not_change_the_posterior():
    procedure = quest()
    level, before = procedure.level(), procedure.posterior()
    procedure.update(False, False)
    assert np.array_equal(procedure.posterior(), before)
    assert procedure.level() == level


def test_the_posterior_of_many_answers_is_the_product_of_their_likelihoods(rng):
    """Also if levels depend on answers: 40 trials with random answers, exact sums."""
    lapses = (0.0, 0.04)
    procedure = quest(trials=40, lapses=lapses)
    done = []
    while procedure.remaining:
        done.append((procedure.level(), bool(rng.random() < 0.7)))
        procedure.update(done[-1][1], True)
    assert len({level for level, _ in done}) > 3
    thresholds, widths, weights = procedure.posterior()
    joint = np.ones((len(lapses), len(thresholds)))
    for level, right in done:
        rise = np.array(
            [core(level, m, w, "weibull") for m, w in zip(thresholds, widths, strict=True)]
        )
        psi = 1 / 3 + (1 - 1 / 3 - np.array(lapses)[:, None]) * rise
        joint *= psi if right else 1 - psi
    expected = joint.sum(axis=0) / joint.sum()
    np.testing.assert_allclose(weights, expected, atol=1e-12)
    mean, low, high = procedure.threshold()
    assert mean == pytest.approx(np.exp(np.sum(expected * np.log(thresholds))), rel=1e-9)
    # A tail is .025, to within the mass that a step of the grid of thresholds holds.
    step = max(expected[np.isclose(thresholds, each)].sum() for each in np.unique(thresholds))
    for outside in (thresholds < low, thresholds > high):
        assert expected[outside].sum() == pytest.approx(0.025, abs=step)


@pytest.mark.parametrize("threshold", [pytest.param(0.15, marks=pytest.mark.full), 0.5])
def test_the_threshold_is_found(threshold, rng):
    """Of 200 trials: false alarm below 1e-3, as limits at 99.9 % hold the truth.

    It finds a threshold that is wrong by a factor of 1.9 with probability .9: those limits are
    closer than a factor of 1.6 to the middle, and the middle to the truth, mostly, than 1.15.
    """
    procedure = quest(trials=200)
    while procedure.remaining:
        rise = core(procedure.level(), threshold, 1.2, "weibull")
        correct = rng.random() < 1 / 3 + (1 - 1 / 3 - 0.02) * rise
        procedure.update(bool(correct), True)
    mean, low, high = procedure.threshold(0.999)
    assert low <= threshold <= high
    assert 1 / 1.6 < low / mean < 1 < high / mean < 1.6


@pytest.mark.parametrize("function", ["weibull", "norm"])
@pytest.mark.parametrize("levels", [LEVELS, (0.5,), tuple(1e6 * level for level in LEVELS)])
def test_answers_that_no_curve_allows_leave_a_posterior(function, levels):
    """Without guesses and lapses, right at small levels and wrong at large ones cannot be."""
    procedure = QuestPlus(
        levels, trials=20, function=function, widths=(0.01, 0.5), guesses=(0.0,), lapses=(0.0,)
    )
    for number in range(20):
        assert procedure.level() in levels
        procedure.update(number % 2 == 0, True)
        weights = procedure.posterior()[2]
        assert weights.sum() == pytest.approx(1)
        assert (weights >= 0).all()


@pytest.mark.parametrize("function", ["weibull", "norm"])
@pytest.mark.parametrize(("right", "end"), [(True, "low"), (False, "high")])
def test_a_threshold_at_the_end_of_the_grid_is_open_there(function, right, end):
    procedure = quest(function=function, trials=60)
    while procedure.remaining:
        procedure.level()
        procedure.update(right, True)
    _, low, high = procedure.threshold()
    open_ended = {"low": low, "high": high}[end]
    assert open_ended == {"low": 0.0 if function == "weibull" else -np.inf, "high": np.inf}[end]
    assert np.isfinite(high if end == "low" else low)


@pytest.mark.parametrize("false_alarms", [pytest.param(0.7, marks=pytest.mark.full), 0.9])
def test_default_false_alarm_rates_reach_liberal_criteria(false_alarms, rng):
    """Levels stay near the threshold, where rates up to .5 alone would give a low threshold."""
    chosen = ExperimentConfig.model_validate(
        {"task": "same_different", "procedure": {"kind": "quest_plus"}}
    ).procedure
    procedure = QuestPlus(
        LEVELS, trials=300, function="weibull", widths=chosen.widths,
        guesses=chosen.rates, lapses=chosen.lapses,
    )  # fmt: skip
    while procedure.remaining:
        rise = core(procedure.level(), 0.4, 1.2, "weibull")
        yes = rng.random() < false_alarms + (1 - false_alarms - 0.02) * rise
        procedure.update(bool(yes), True)
    _, low, high = procedure.threshold(0.999)
    assert low < 0.4 < high

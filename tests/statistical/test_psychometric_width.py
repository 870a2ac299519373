"""Widths of intervals of psychometric functions, without chance: answers as often as expected.

A fit to what its own function expects has to find the truth, with intervals as wide as Fisher's
information says. Intervals twice as wide or narrow enough for a coverage of .80 (a factor of .65),
and a bias of half a standard error, fail for certain.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm, t

from analysis.statistics import invariance, psychometric, threshold_likelihood

LEVELS = np.array([0.05, 0.1, 0.2, 0.3, 0.45, 0.7, 1.0, 1.4])
SPAN = np.log(-np.log(0.05)) - np.log(-np.log(0.95))
GUESS = {"2afc": 1 / 2, "oddity": 1 / 3}


def psi(levels, log_threshold, width, lapse, guess):
    """The Weibull: γ + (1 − λ − γ) S, S = 1 − exp(log .5 · exp(C (log x − log m)/w))."""
    rise = 1 - np.exp(np.log(0.5) * np.exp(SPAN * (np.log(levels) - log_threshold) / width))
    return guess + (1 - lapse - guess) * rise


def errors(levels, n, same, truth):
    """Standard errors of log threshold, width, lapse rate (and false alarms), by information."""
    step = 1e-5 * np.eye(4)
    slopes = np.array(
        [(psi(levels, *(truth + e)) - psi(levels, *(truth - e))) / 2e-5 for e in step]
    )
    p = psi(levels, *truth)
    information = (slopes * n / (p * (1 - p))) @ slopes.T
    if not same:  # the guess rate is known
        return np.sqrt(np.diag(np.linalg.inv(information[:3, :3])))
    information[3, 3] += same / (truth[3] * (1 - truth[3]))
    return np.sqrt(np.diag(np.linalg.inv(information)))


def expected(task, levels, n, same, truth, observer="o"):
    rows = pd.DataFrame({"level": levels, "correct": np.round(n * psi(levels, *truth)), "n": n})
    if same:
        alarms = {"level": 0.0, "correct": round(same * (1 - truth[3])), "n": same}
        rows = pd.concat([pd.DataFrame([alarms]), rows], ignore_index=True)
    return rows.assign(observer=observer, condition="c", stimulus="s", task=task)


CASES = [
    *[(task, guess, n) for task, guess in GUESS.items() for n in (100, 400)],
    *[("same_different", alarms, n) for alarms in (0.05, 0.2, 0.5) for n in (100, 400)],
]


@pytest.mark.parametrize(("task", "guess", "n"), CASES)
def test_threshold_and_width_have_the_errors_of_their_information(task, guess, n):
    same = n * len(LEVELS) if task == "same_different" else 0
    truth = np.array([np.log(0.35), 1.6, 0.05, guess])
    error = errors(LEVELS, n, same, truth)
    frame = expected(task, LEVELS, n, same, truth)
    row = psychometric.fit(frame, overdispersion=False).iloc[0]
    low, middle, high = np.log(row[["threshold_low", "threshold", "threshold_high"]].astype(float))
    assert (high - low) / (2 * 1.96 * error[0]) == pytest.approx(1, abs=0.2)
    assert middle == pytest.approx(truth[0], abs=0.3 * error[0])
    assert (row["width_high"] - row["width_low"]) / (2 * 1.96 * error[1]) == pytest.approx(
        1, abs=0.2
    )
    assert row["width"] == pytest.approx(truth[1], abs=0.3 * error[1])


@pytest.mark.parametrize("alarms", [0.05, 0.2, 0.5, 0.7])
@pytest.mark.parametrize("n", [100, 400])
def test_rates_of_same_different_have_the_errors_of_their_information(alarms, n):
    """From careful to liberal criteria; the prior of the false-alarm rate moves it a little."""
    same = n * len(LEVELS)
    truth = np.array([np.log(0.35), 1.6, 0.05, alarms])
    error = errors(LEVELS, n, same, truth)
    frame = expected("same_different", LEVELS, n, same, truth)
    row = psychometric.fit(frame, overdispersion=False).iloc[0]
    assert row["threshold_low"] < 0.35 < row["threshold_high"]
    for name, place in (("lapse", 2), ("guess", 3)):
        width = row[f"{name}_high"] - row[f"{name}_low"]
        assert 0.8 < width / (2 * 1.96 * error[place]) < 1.3, name
        assert row[name] == pytest.approx(truth[place], abs=0.5 * error[place]), name


SIX = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])
TRUTH = np.array([np.log(0.25), SPAN / 2.5, 0.02, 1 / 3])


@pytest.mark.parametrize("n", [60, 240])
def test_likelihood_of_one_observer_is_as_wide_as_its_information(n):
    grid = threshold_likelihood.grid_for(SIX)
    found = threshold_likelihood.group([expected("oddity", SIX, n, 0, TRUTH)], grid)
    low, high = found.interval()
    error = errors(SIX, n, 0, TRUTH)[0] / np.log(2)
    assert (high - low) / (2 * 1.96 * error) == pytest.approx(1, abs=0.1)
    assert found.mode == pytest.approx(-2, abs=0.2 * error)


def group_of(people, spread=0.4):
    """People with 300 trials a level: log₂ thresholds about −2 of this standard deviation."""
    offsets = norm.ppf((np.arange(people) + 0.5) / people)
    logs = -2 + spread * offsets / offsets.std(ddof=1)
    each = []
    for number, log2 in enumerate(logs):
        truth = np.array([log2 * np.log(2), *TRUTH[1:]])
        each.append(expected("oddity", SIX, 300, 0, truth, observer=f"p{number}"))
    return each, spread / np.sqrt(people)


@pytest.mark.parametrize("people", [3, 5])
def test_intervals_and_p_of_a_group_are_students(people):
    """Thresholds that are known well are a sample of normal values: Student's t, to 3 %."""
    each, error = group_of(people)
    found = threshold_likelihood.group(each, threshold_likelihood.grid_for(SIX))
    assert found.mode == pytest.approx(-2, abs=0.05 * error)
    for coverage in (0.8, 0.95):
        low, high = found.interval(coverage)
        quantile = t.ppf((1 + coverage) / 2, people - 1)
        assert (high - low) / (2 * quantile * error) == pytest.approx(1, abs=0.03)
    for away in (1.0, 2.0, 4.0):
        p = 2 * t.sf(away, people - 1)
        assert found.p_value(-2 + away * error) == pytest.approx(p, abs=0.01)


def test_ratios_have_students_interval_and_p():
    """Five people and a model, whose errors add up: limits and p of the ratio."""
    each, error = group_of(5)
    shifts = {"equal": 0.0, "higher": 0.5}
    truths = {name: np.array([(-2 + s) * np.log(2), *TRUTH[1:]]) for name, s in shifts.items()}
    models = [expected("oddity", SIX, 600, 0, truth, name) for name, truth in truths.items()]
    rows = invariance.compare(pd.concat(each), pd.concat(models)).set_index("observer")
    for name, shift in shifts.items():
        row, truth = rows.loc[name], truths[name]
        both = np.hypot(error, errors(SIX, 600, 0, truth)[0] / np.log(2))
        assert row["log2_ratio"] == pytest.approx(shift, abs=0.1 * both)
        width = row["log2_ratio_high"] - row["log2_ratio_low"]
        assert width / (2 * t.ppf(0.975, 4) * both) == pytest.approx(1, abs=0.05)
        assert row["p"] == pytest.approx(2 * t.sf(shift / both, 4), abs=0.01)

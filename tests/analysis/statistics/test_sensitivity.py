"""d′: every check of the literature, simulated observers, inverses, chance and ceiling."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from analysis.statistics import decision_models, sensitivity
from analysis.trials.load import from_table
from scenes.base.errors import InputError
from tests.statistical.bands import FALSE_ALARM, Rate

TASKS = ("2afc", "3afc", "oddity", "match_to_sample", "same_different")
MODELS = sensitivity.DECISION_MODELS


@pytest.mark.parametrize(
    ("task", "model", "d", "expected", "tolerance"),
    [
        ("2afc", "differencing", 1, 0.7602, 5e-5),
        ("3afc", "independent", 1, 0.6337, 5e-5),
        ("oddity", "differencing", [0, 1, 2, 3], [1 / 3, 0.4180, 0.6048, 0.7814], 5e-5),
        ("oddity", "independent", [0, 1, 2, 3], [1 / 3, 0.447, 0.677, 0.861], 6e-4),
        ("match_to_sample", "independent", 1, 0.5997, 5e-5),
        ("match_to_sample", "differencing", [1, 2], [0.5825, 0.7468], 5e-5),
        ("same_different", "independent", 1, 0.5733, 5e-5),
    ],
)
def test_published_figures(task, model, d, expected, tolerance):
    found = sensitivity.proportion_correct(d, task=task, decision_model=model)
    assert found == pytest.approx(expected, abs=tolerance)


def test_rates_of_same_different():
    assert sensitivity.dprime_from_rates(0.7, 0.2) == pytest.approx(2.5499, abs=5e-5)
    # H = .7, F = .2: Φ((z(.7) − z(.2))/2) = .7534 = Φ(d/2)² + Φ(−d/2)² at d = 2.1203.
    independent = sensitivity.dprime_from_rates(0.7, 0.2, decision_model="independent")
    best = norm.cdf((norm.ppf(0.7) - norm.ppf(0.2)) / 2)
    p = norm.cdf(independent / 2)
    assert p**2 + (1 - p) ** 2 == pytest.approx(best, abs=1e-12)


def test_rates_beside_the_formulas():
    inf, nan = np.inf, np.nan
    hits = [0.2, 0.5, 1.0, 0.7, 1.0, 0.0, 1.0, 0.0, 0.0, nan, 0.7]
    alarms = [0.2, 0.6, 0.1, 0.0, 0.0, 0.0, 1.0, 1.0, 0.3, 0.2, nan]
    for model in MODELS:
        found = sensitivity.dprime_from_rates(hits, alarms, decision_model=model)
        np.testing.assert_array_equal(found, [0, 0, inf, inf, inf, 0, 0, 0, 0, nan, nan])


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("alarms", [0.01, 0.2, 0.6])
def test_rates_of_an_observer_give_its_sensitivity(model, alarms):
    """From d and a criterion to rates by the formulas, and back."""
    d = np.array([0.3, 1.0, 2.5, 5.0])
    if model == "differencing":
        k = -np.sqrt(2) * norm.ppf(alarms / 2)
        hits = norm.cdf((d - k) / np.sqrt(2)) + norm.cdf((-d - k) / np.sqrt(2))
    else:  # the likelihood observer's rates satisfy z(H) − z(F) = 2 z(best)
        best = norm.cdf(d / 2) ** 2 + norm.cdf(-d / 2) ** 2
        hits = norm.cdf(2 * norm.ppf(best) + norm.ppf(alarms))
    found = sensitivity.dprime_from_rates(hits, alarms, decision_model=model)
    assert found == pytest.approx(d, abs=1e-6)


def test_a_cell_at_hits_of_one_and_no_false_alarm_is_corrected():
    frame = pd.DataFrame({"level": [0, 1], "correct": [50, 20], "n": [50, 20]})
    frame = frame.assign(observer="a", condition="c", stimulus="s")
    row = sensitivity.table(from_table(frame, task="same_different")).iloc[0]
    assert (row["hits"], row["false_alarms"], row["corrected"]) == (1.0, 0.0, True)
    for model in MODELS:
        # Log-linear: 20.5 of 21 hits, .5 of 51 false alarms.
        expected = sensitivity.dprime_from_rates(20.5 / 21, 0.5 / 51, decision_model=model)
        assert row[f"dprime_{model}"] == expected
        assert 0 < row[f"dprime_{model}_low"] < row[f"dprime_{model}_high"]


def test_best_criterion_beats_its_neighbours():
    for d in (0.3, 1.0, 3.0, 8.0):
        k = decision_models.best_criterion(np.array(d)) + np.linspace(-0.5, 0.5, 101)
        hits = norm.cdf((d - k) / np.sqrt(2)) + norm.cdf((-d - k) / np.sqrt(2))
        right = (1 + hits - 2 * norm.cdf(-k / np.sqrt(2))) / 2
        assert right.argmax() == 50
        found = sensitivity.proportion_correct(d, task="same_different")
        assert found == pytest.approx(right[50], abs=1e-12)


def simulated_oddity(d, n, rng, rule):
    """Right answers of an observer with three noisy images, the first of them odd."""
    kind = rng.integers(0, 2, n)  # which of the two stimuli is the odd one
    x = rng.standard_normal((n, 3)) + d * np.where(kind == 1, [[1], [0], [0]], [[0], [1], [1]]).T
    if rule == "differencing":  # the image farthest from the other two
        distance = np.abs(x[:, :, None] - x[:, None, :])
        return distance.sum(axis=2).argmax(axis=1) == 0
    one, rest = np.exp(d * x - d**2 / 2), np.exp(d * (x.sum(axis=1, keepdims=True) - x) - d**2)
    return (one + rest).argmax(axis=1) == 0


@pytest.mark.parametrize("model", MODELS)
def test_oddity_is_what_such_an_observer_does(model, rng, count):
    """It finds a proportion that is wrong by .01 with probability .9; false alarm 1e-3."""
    n = count(200_000, 2_000_000)
    for d in (0.5, 1.5, 2.5):
        expected = sensitivity.proportion_correct(d, task="oddity", decision_model=model)
        check = Rate(n, expected, (expected - 0.01, expected + 0.01), FALSE_ALARM / 3)
        check.check(simulated_oddity(d, n, rng, model).sum())


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("model", MODELS)
def test_inverse(task, model):
    d = np.array([[0.05, 0.5], [1.0, 4.0]])
    pc = sensitivity.proportion_correct(d, task=task, decision_model=model)
    assert pc.shape == d.shape
    assert sensitivity.dprime(pc, task=task, decision_model=model) == pytest.approx(d, abs=1e-6)


def test_chance_and_ceiling():
    found = sensitivity.dprime([0.2, 1 / 3, 1.0, np.nan], task="oddity")
    np.testing.assert_array_equal(found, [0, 0, np.inf, np.nan])
    for task in TASKS:
        assert sensitivity.dprime(1.0, task=task) == np.inf, task
    corrected = sensitivity.dprime(1.0, task="2afc", n=100)
    # (100 + .5)/(100 + 1) = .99505, z = 2.5786; times √2.
    assert corrected == pytest.approx(np.sqrt(2) * norm.ppf(100.5 / 101), abs=1e-9)


def test_table_of_a_forced_choice():
    frame = pd.DataFrame({"level": [1, 1, 2], "correct": [20, 10, 40], "n": [30, 20, 40]})
    trials = from_table(frame.assign(observer="a", condition="c", stimulus="s"), task="oddity")
    rows = sensitivity.table(trials).set_index("level")
    assert rows.loc[1, "proportion"] == pytest.approx(0.6)
    assert rows.loc[1, "dprime_differencing"] == pytest.approx(1.98, abs=0.01)
    assert rows.loc[1, "dprime_differencing_low"] < 1.98 < rows.loc[1, "dprime_differencing_high"]
    assert list(rows["corrected"]) == [False, True]
    assert np.isfinite(rows.loc[2, "dprime_independent"])
    assert rows.loc[2, "dprime_independent_high"] == np.inf


def test_table_of_same_different_has_rates():
    frame = pd.DataFrame({"level": [0, 1], "correct": [80, 70], "n": [100, 100]})
    trials = from_table(
        frame.assign(observer="a", condition="c", stimulus="s"), task="same_different"
    )
    row = sensitivity.table(trials).iloc[0]
    assert (row["hits"], row["false_alarms"]) == (0.7, 0.2)
    assert row["dprime_differencing"] == pytest.approx(2.5499, abs=5e-5)
    assert row["dprime_differencing_low"] < 2.5 < row["dprime_differencing_high"]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sensitivity.dprime(1.2, task="2afc"), "1.2 is not allowed"),
        (lambda: sensitivity.dprime(0.5, task="odity"), "did you mean 'oddity'"),
        (lambda: sensitivity.proportion_correct(-1, task="2afc"), "-1 is not allowed"),
        (
            lambda: sensitivity.proportion_correct(1, task="2afc", decision_model="difference"),
            "did you mean 'differencing'",
        ),
        (lambda: sensitivity.dprime_from_rates(0.5, -0.1), "false alarms: -0.1"),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()

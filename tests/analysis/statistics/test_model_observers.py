"""Models as observers: closed forms against the session's own model observer, fits, left-out."""

import numpy as np
import pandas as pd
import pytest

from analysis.config import ExclusionsConfig
from analysis.statistics import model_observers
from analysis.statistics.model_observers import Decision
from analysis.trials import exclusions
from psychophysics.tasks.registry import TASKS
from scenes.base.errors import InputError
from stimuli.stimulus_set import StimulusSet
from tests.statistical.bands import FALSE_ALARM, Rate


@pytest.fixture(scope="module")
def kept(trials):
    return exclusions.apply(trials, ExclusionsConfig())[0]


@pytest.fixture(scope="module")
def layers(made_study, kept):
    with StimulusSet(made_study / "stimuli.h5") as stimuli:
        return {
            (model, "late"): {
                family: stimuli.distances(model, "late", family)
                for family in kept["family"].unique()
            }
            for model in stimuli.models
        }


@pytest.mark.parametrize("task", ["oddity", "match_to_sample", "same_different"])
def test_probabilities_are_those_of_the_tasks_rule(task, rng, count):
    """Noise on every distance and the task's own `decide`, against the closed form.

    It finds a probability that is wrong by .02 with probability .9; false alarm 1e-3.
    """
    n = count(40_000, 400_000)
    rule, criterion, sigma = TASKS[task], 0.35, 0.2
    images = rule.images
    pairs = rng.uniform(0, 0.8, (8, images * (images - 1) // 2))
    right = rng.integers(0, len(rule.alternatives), 8)
    decision = Decision(sigma, lapse=0.06, criterion=criterion)
    expected = model_observers.probability_correct(pairs, right, task, decision)
    upper = np.triu_indices(images, 1)
    for row in range(8):
        noisy = np.zeros((n, images, images))
        noisy[:, upper[0], upper[1]] = pairs[row] + sigma * rng.standard_normal(
            (n, len(pairs[row]))
        )
        chosen = rule.decide(noisy + noisy.transpose(0, 2, 1), criterion)
        # A lapse guesses among the alternatives, so often that 1 − λ is the most.
        guess = 1 / len(rule.alternatives)
        lapsing = 0.06 / (1 - guess)
        p = (expected[row] - lapsing * guess) / (1 - lapsing)  # without lapses
        wrong = tuple(q for q in (p - 0.02, p + 0.02) if 0 < q < 1)
        Rate(n, p, wrong, FALSE_ALARM / 8).check(np.sum(chosen == right[row]))


@pytest.mark.parametrize("task", ["oddity", "match_to_sample", "same_different"])
def test_the_lapse_rate_is_one_minus_the_upper_asymptote(task):
    far, near = 1e6, 0.0
    pairs = {"oddity": [[far, far, near]], "match_to_sample": [[near, far, far]]}
    p = model_observers.probability_correct(
        np.array(pairs.get(task, [[far]])),
        np.array([1 if task == "same_different" else 0]),
        task,
        Decision(0.1, lapse=0.06, criterion=0.5),
    )
    assert p == pytest.approx([0.94], abs=1e-12)


def test_noise_and_lapses_are_recovered(rng):
    """It finds a noise that is wrong by a fifth, and a lapse rate that is wrong by .06."""
    pairs = rng.uniform(0, 1, (6000, 3))
    right = rng.integers(0, 3, 6000)
    truth = Decision(0.15, 0.06)
    p = model_observers.probability_correct(pairs, right, "oddity", truth)
    correct = (rng.random(6000) < p).astype(int)
    found = model_observers.fit_decision(pairs, right, correct, "oddity")
    # About 4 standard errors, as found in repeated draws.
    assert found.noise == pytest.approx(0.15, rel=0.15)
    assert found.lapse == pytest.approx(0.06, abs=0.04)


def answered(task, truth, rng, n=1500):
    """Trials of people who decide as a model does."""
    images = TASKS[task].images
    pairs = rng.uniform(0, 1, (n, images * (images - 1) // 2))
    right = rng.integers(0, len(TASKS[task].alternatives), n)
    p = model_observers.probability_correct(pairs, right, task, truth)
    return pairs, right, (rng.random(n) < p).astype(int)


@pytest.mark.parametrize("task", ["oddity", "match_to_sample", "same_different"])
@pytest.mark.parametrize("unit", [1e-6, 1e3])
def test_the_unit_of_distances_changes_noise_and_criterion_alone(task, unit, rng):
    pairs, right, correct = answered(task, Decision(0.15, 0.06, 0.4), rng)
    one, other = (
        model_observers.fit_decision(pairs * scale, right, correct, task) for scale in (1, unit)
    )
    assert other.noise == pytest.approx(unit * one.noise, rel=1e-6)
    assert other.criterion == pytest.approx(unit * one.criterion, rel=1e-6)
    assert other.lapse == pytest.approx(one.lapse, abs=1e-6)
    assert one.at_bound == other.at_bound == ""


@pytest.mark.parametrize("task", ["oddity", "match_to_sample", "same_different"])
def test_no_grid_point_is_more_likely_than_the_fit(task, rng):
    """A search that starts with small steps ends where nobody lapses, with twice the noise."""
    pairs, right, correct = answered(task, Decision(0.15, 0.06, 0.4), rng)
    found = model_observers.fit_decision(pairs, right, correct, task)

    def log_likelihood(noise, lapse):
        decision = Decision(noise, lapse, found.criterion)
        p = model_observers.probability_correct(pairs, right, task, decision)
        given = np.maximum(np.where(correct == 1, p, 1 - p), 1e-9)
        return np.log(given).sum() + 9 * np.log1p(-lapse)

    best = log_likelihood(found.noise, found.lapse)
    for noise in np.linspace(0.08, 0.4, 9):
        for lapse in (0.0, 0.03, 0.06, 0.1, 0.2):
            assert log_likelihood(noise, lapse) < best + 0.05


def test_what_the_answers_do_not_set_is_named(rng):
    pairs, right, _ = answered("oddity", Decision(0.15, 0.0), rng)
    sharp = model_observers.probability_correct(pairs, right, "oddity", Decision(1e-9, 0.0)) > 0.5
    for correct, named in ((sharp, "noise small"), (~sharp, "noise large")):
        found = model_observers.fit_decision(pairs, right, correct.astype(int), "oddity")
        assert named in found.at_bound


def test_equal_distances_are_refused():
    answers = np.array([1, 0, 1, 1])
    with pytest.raises(InputError, match=r"distances are all 0\.2 in the control trials; no noise"):
        model_observers.fit_decision(np.full((4, 3), 0.2), np.zeros(4, int), answers, "oddity")


def test_each_target_is_predicted_from_the_others(kept, layers):
    predicted, decisions = model_observers.predict(kept, layers)
    assert len(predicted) == 2 * len(kept)
    assert set(predicted["observer"]) == {"shapely/late", "glossy/late"}
    assert predicted["correct"].between(0, 1).all()
    assert set(decisions["left_out"]) == {"bunny", "vase"}
    control = kept["role"] == "control"
    fitted = decisions.set_index(["observer", "left_out"])["trials"]
    assert fitted["shapely/late", "bunny"] == (control & (kept["target"] == "vase")).sum()


def test_answers_on_the_target_itself_do_not_move_its_prediction(kept, layers):
    changed = kept.copy()
    bunny = changed["target"] == "bunny"
    changed.loc[bunny, "correct"] = 1 - changed.loc[bunny, "correct"]
    before, after = (model_observers.predict(each, layers)[0] for each in (kept, changed))
    its = before["target"] == "bunny"
    np.testing.assert_array_equal(before.loc[its, "correct"], after.loc[its, "correct"])
    assert not np.array_equal(before.loc[~its, "correct"], after.loc[~its, "correct"])


def test_one_target_leaves_out_participants(kept, layers):
    _, decisions = model_observers.predict(kept[kept["target"] == "vase"], layers)
    assert set(decisions["by"]) == {"observer"}
    assert set(decisions["left_out"]) == {"01", "02", "03", "04"}


def test_cross_table_and_quality(kept, layers):
    predicted, _ = model_observers.predict(kept, layers)
    cross = model_observers.cross_table(kept, predicted).set_index(
        ["attribute", "verdict", "judge"]
    )
    assert set(cross["of"]) == {"shapely"}
    # The vase's shape is no metamer, and has its own row.
    assert set(cross.index.droplevel("judge")) == {
        ("shape", "metamer"), ("shape", "result"), ("material", "metamer"),
    }  # fmt: skip
    proportion = cross["proportion"]
    material = proportion["material", "metamer"]
    assert material["glossy/late"] > material["shapely/late"]
    # Where a search ends, not where its series does: shape's is a trajectory that begins with it.
    shown = (kept["run"] == "bunny-shape-shapely-s1") & (kept["role"] == "result")
    first = kept[shown & (kept["level"] == 0.1)]
    assert cross["trials"]["shape", "metamer", "people"] == len(first)
    assert proportion["shape", "metamer", "people"] == first["correct"].mean()
    quality = model_observers.prediction_quality(kept, predicted)
    assert (quality["constant"] < quality["saturated"]).all()
    assert (quality["log_likelihood"] <= quality["saturated"]).all()


def test_log_likelihoods_per_trial_by_hand():
    trials = pd.DataFrame({"level": [1, 1, 2, 2], "correct": [1, 0, 1, 1]})
    trials = trials.assign(condition="c", target="t", same=False, role="result")
    predicted = trials.assign(
        observer="net", answered=trials["correct"], correct=[0.7, 0.5, 0.8, 0.8]
    )
    row = model_observers.prediction_quality(trials, predicted).iloc[0]
    # ln .75 three times and ln .25; ln .5 twice and ln 1 twice; ln .7, ln .5 and twice ln .8.
    assert row["constant"] == pytest.approx(-0.56234, abs=1e-5)
    assert row["saturated"] == pytest.approx(-0.34657, abs=1e-5)
    assert row["log_likelihood"] == pytest.approx(-0.37403, abs=1e-5)
    assert row["explained"] == pytest.approx(0.8727, abs=1e-4)


def test_without_controls_nothing_is_predicted(kept, layers):
    with pytest.raises(InputError, match="no control trials: the noise of models"):
        model_observers.predict(kept[kept["role"] != "control"], layers)


def test_a_family_without_distances(kept, layers):
    few = {name: {"vase-shape": each["vase-shape"]} for name, each in layers.items()}
    with pytest.raises(InputError, match="has no distances; mrd embed makes them"):
        model_observers.predict(kept, few)

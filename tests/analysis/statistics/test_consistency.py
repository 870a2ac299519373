"""Error consistency by hand, against a second implementation, and where it is undefined."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import consistency
from scenes.base.errors import InputError
from tests.statistical.bands import Bias, Intervals


def straightforward(a, b):
    """κ counted trial by trial."""
    n = len(a)
    same = sum(x == y for x, y in zip(a, b, strict=True)) / n
    p, q = sum(a) / n, sum(b) / n
    by_chance = p * q + (1 - p) * (1 - q)
    return float("nan") if by_chance == 1 else (same - by_chance) / (1 - by_chance)


def test_by_hand():
    # p = q = 1/2: by chance .5, observed 3/4; κ = (.75 − .5)/.5.
    assert consistency.error_consistency([1, 1, 0, 0, 1, 1, 0, 0], [1, 1, 0, 0, 1, 0, 0, 1]) == 0.5
    assert consistency.error_consistency([1, 0], [0, 1]) == -1


@pytest.mark.parametrize("both", [0, 1])
def test_undefined_is_nan(both):
    assert np.isnan(consistency.error_consistency([both] * 7, [both] * 7))


def test_equals_a_second_implementation(rng):
    for _ in range(300):
        n = int(rng.integers(1, 40))
        a, b = (rng.integers(0, 2, n) | (rng.random() < 0.2) for _ in range(2))
        found = consistency.error_consistency(a, b)
        assert found == pytest.approx(straightforward(list(a), list(b)), abs=1e-12, nan_ok=True)


def answers(observers, stimuli, rng, shared):
    """Trials whose difficulty is of the stimulus in part `shared`."""
    hard = rng.random(stimuli)
    right = [
        np.where(rng.random(stimuli) < shared, hard, rng.random(stimuli)) > 0.4
        for _ in range(observers)
    ]
    columns = {
        "observer": np.repeat([f"o{number}" for number in range(observers)], stimuli),
        "stimulus": np.tile([f"s{number}" for number in range(stimuli)], observers),
        "correct": np.concatenate(right).astype(int),
    }
    return pd.DataFrame(columns).assign(condition="c", level=1.0, n=1, task="oddity")


def test_agreement_of_people_who_share_difficulties(rng):
    pairs = consistency.agreement(answers(4, 400, rng, shared=0.9), draws=200)
    assert len(pairs) == 6
    assert (pairs["kappa"] > 0.5).all()
    assert ((pairs["kappa_low"] < pairs["kappa"]) & (pairs["kappa"] < pairs["kappa_high"])).all()
    assert pairs["noise_ceiling"].nunique() == 1
    assert pairs["noise_ceiling"].iloc[0] == pytest.approx(pairs["kappa"].mean())


def test_row_order_does_not_matter(rng):
    trials = answers(3, 50, rng, shared=0.5)
    shuffled = trials.sample(frac=1, random_state=1)
    pd.testing.assert_frame_equal(
        consistency.agreement(trials, draws=20), consistency.agreement(shuffled, draws=20)
    )


@pytest.mark.parametrize("shared", [0.0, 0.7])
def test_intervals_hold_the_true_consistency(shared, rng):
    """Intervals of two observers hold shared², are as wide as κ spreads, and κ has no bias.

    It finds a coverage of .80, intervals twice as wide and a bias of half a standard error, each
    with probability .9; false alarm 1e-3. Of 120 stimuli, the bootstrap covers .936 to .944.
    """
    # Two observers take a stimulus's own difficulty together with probability shared². They agree
    # then, and by chance otherwise: κ = shared².
    check = Intervals(150, coverage=(0.933, 0.96))
    rows = [
        consistency.agreement(answers(2, 120, rng, shared), draws=300).iloc[0]
        for _ in range(check.n)
    ]
    table = pd.DataFrame(rows)
    check.check(table["kappa"], table["kappa_low"], table["kappa_high"], shared**2)


def test_models_are_no_part_of_the_noise_ceiling(rng):
    trials = answers(3, 80, rng, shared=0.5)
    trials["kind"] = np.where(trials["observer"] == "o2", "model", "person")
    pairs = consistency.agreement(trials, draws=50)
    people = pairs[pairs["people"]]
    assert len(people) == 1
    assert (pairs["noise_ceiling"] == people["kappa"].item()).all()


def test_undefined_pairs_are_counted_not_averaged(rng):
    trials = pd.concat(
        [answers(2, 30, rng, 0.5), answers(2, 30, rng, 0.5).assign(condition="easy")]
    )
    trials.loc[trials["condition"] == "easy", "correct"] = 1
    pairs = consistency.agreement(trials, draws=20)
    easy = pairs[pairs["condition"] == "easy"].iloc[0]
    assert np.isnan(easy["kappa"])
    assert easy["undefined"] == 20
    mean = consistency.mean_over_conditions(pairs).iloc[0]
    assert (mean["cells"], mean["undefined"]) == (2, 1)
    assert mean["kappa"] == pairs.loc[pairs["condition"] == "c", "kappa"].item()


def predicted(answered, probability, person="a", model="net", condition="c"):
    """A model on the trials of a person."""
    frame = pd.DataFrame({"answered": answered, "correct": probability})
    stimuli = [f"s{number}" for number in range(len(frame))]
    return frame.assign(person=person, observer=model, condition=condition, stimulus=stimuli)


def test_a_model_with_a_person_by_hand():
    # Observed: (.8 + .6 + .7 + .5)/4 = .65.
    row = consistency.with_models(predicted([1, 1, 0, 0], [0.8, 0.6, 0.3, 0.5]), draws=20).iloc[0]
    assert (row["accuracy_a"], row["accuracy_b"]) == pytest.approx((0.5, 0.55))
    # By chance ½ × .55 + ½ × .45 = .5; κ = (.65 − .5)/.5.
    assert row["observed"] == pytest.approx(0.65)
    assert row["kappa"] == pytest.approx(0.3)
    assert (row["observer_a"], row["observer_b"], row["people"]) == ("a", "net", False)


def test_an_expected_agreement_is_the_mean_of_drawn_ones(rng):
    """κ from probabilities against κ of answers drawn with them.

    It finds an error of one standard deviation of a drawn κ, .018, with probability .9; false
    alarm 1e-3.
    """
    check = Bias(40, fault=1.0)
    p = rng.uniform(0.2, 1, 3000)
    answered = (rng.random(3000) < p).astype(int)
    found = consistency.with_models(predicted(answered, p), draws=2).iloc[0]["kappa"]
    drawn = [
        consistency.error_consistency(answered, (rng.random(3000) < p).astype(int))
        for _ in range(check.n)
    ]
    check.check(np.array(drawn) - found)


def test_a_model_that_always_guesses_agrees_by_chance_alone(rng):
    answered = (rng.random(500) < 0.6).astype(int)
    row = consistency.with_models(predicted(answered, np.full(500, 1 / 3)), draws=50).iloc[0]
    assert row["kappa"] == pytest.approx(0, abs=1e-12)


def test_overall_averages_conditions_then_pairs():
    pairs = pd.DataFrame(
        [
            ("a", "b", True, 0.2), ("a", "b", True, 0.4), ("a", "c", True, 0.5),
            ("b", "c", True, np.nan), ("a", "net", False, 0.1), ("b", "net", False, 0.3),
            ("c", "net", False, 0.2), ("c", "net", False, np.nan),
        ],
        columns=["observer_a", "observer_b", "people", "kappa"],
    )  # fmt: skip
    rows = consistency.overall(pairs, draws=200).set_index("who")
    # Of a and b (.2 + .4)/2 = .3, of a and c .5, of b and c undefined.
    assert rows.loc["people", "kappa"] == pytest.approx(0.4)
    assert tuple(rows.loc["people", ["pairs", "cells", "undefined"]]) == (3, 4, 1)
    assert rows.loc["net", "kappa"] == pytest.approx((0.1 + 0.3 + 0.2) / 3)
    # Resampled people: means are between their minimum and maximum.
    assert 0.1 <= rows.loc["net", "kappa_low"] < 0.2 < rows.loc["net", "kappa_high"] <= 0.3
    two = consistency.overall(pairs[pairs["observer_b"].isin(["b"])], draws=20).iloc[0]
    assert np.isnan(two["kappa_low"])


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([1, 0], [1], "give both the same trials"),
        ([0.5], [1], "1 .correct. or 0 .wrong. for every"),
    ],
)
def test_refusals(a, b, message):
    with pytest.raises(InputError, match=message):
        consistency.error_consistency(a, b)


def test_rows_of_several_trials_are_refused(rng):
    with pytest.raises(InputError, match="one trial in a row"):
        consistency.agreement(answers(2, 5, rng, 0.5).assign(n=2))

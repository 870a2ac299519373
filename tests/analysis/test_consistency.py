"""Error consistency by hand, against a second implementation, and where it is undefined."""

import numpy as np
import pandas as pd
import pytest

from analysis import consistency
from analysis.load import from_table
from scenes.errors import InputError


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
    rows = [
        {
            "observer": f"o{o}",
            "condition": "c",
            "stimulus": f"s{s}",
            "level": 1,
            "correct": int(u > 0.4),
        }
        for o in range(observers)
        for s, u in enumerate(np.where(rng.random(stimuli) < shared, hard, rng.random(stimuli)))
    ]
    return from_table(pd.DataFrame(rows), task="oddity")


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


def test_interval_covers_zero_for_strangers(rng, count):
    """95 % intervals of unrelated observers hold 0 as often as they say."""
    n = count(60, 400)
    held = 0
    for _ in range(n):
        row = consistency.agreement(answers(2, 120, rng, shared=0), draws=400).iloc[0]
        held += row["kappa_low"] <= 0 <= row["kappa_high"]
    # Percentile bootstrap of 120 stimuli: true coverage .93 to .96. z = 4 below .93: one in 30 000.
    assert held / n > 0.93 - 4 * np.sqrt(0.93 * 0.07 / n)


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
    assert (mean["conditions"], mean["undefined"]) == (2, 1)
    assert mean["kappa"] == pairs.loc[pairs["condition"] == "c", "kappa"].item()


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [([1, 0], [1], "give both the same trials"), ([0.5], [1], "1 .right. and 0 .wrong. alone")],
)
def test_refusals(a, b, message):
    with pytest.raises(InputError, match=message):
        consistency.error_consistency(a, b)


def test_rows_of_several_trials_are_refused(rng):
    with pytest.raises(InputError, match="one trial a row"):
        consistency.agreement(answers(2, 5, rng, 0.5).assign(n=2))

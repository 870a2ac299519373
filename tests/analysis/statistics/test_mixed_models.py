"""The mixed model: the same fit each time, and cells, people and targets at the ends."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import mixed_models
from analysis.trials.load import from_table
from scenes.base.errors import InputError


def test_the_same_answers_give_the_same_fit_to_the_last_bit(rng):
    """statsmodels draws what a fit is not given to start from, with entropy of the system."""
    rows = pd.MultiIndex.from_product(
        [["shape", "material"], ["01", "02", "03"], ["bunny", "vase"], range(20)],
        names=["condition", "observer", "target", "trial"],
    ).to_frame(index=False)
    frame = rows.assign(correct=(rng.random(len(rows)) < 0.7).astype(int), n=1)
    first, *others = (mixed_models.fit(frame) for _ in range(3))
    assert np.isfinite(first["logit"]).all()
    for other in others:
        pd.testing.assert_frame_equal(first, other, check_exact=True)


def answers(shares, observers=4, targets=3, n=20):
    """Trials of three levels; `shares` (observers, 3) are right."""
    rows = [
        (f"o{i}", f"t{j}", level, round(n * share), n)
        for i, mine in enumerate(np.broadcast_to(shares, (observers, 3)))
        for j in range(targets)
        for level, share in enumerate(mine, 1)
    ]
    frame = pd.DataFrame(rows, columns=["observer", "target", "level", "correct", "n"])
    return from_table(frame.assign(condition="c", stimulus="s"), task="2afc")


@pytest.mark.parametrize(
    "shares",
    [
        [0.5, 0.7, 1.0],  # a cell is all right
        [0.0, 0.5, 1.0],  # separated
        [1.0, 1.0, 1.0],
        [0.7, 0.7, 0.7],
    ],
)
def test_cells_at_the_ends_and_people_who_are_all_alike(shares):
    table = mixed_models.fit(answers(shares), by=("level",))
    assert np.isfinite(table[["logit", "logit_se"]]).all(axis=None)
    assert table["proportion"].to_numpy() == pytest.approx(shares, abs=0.02)
    assert (table["proportion_low"] <= table["proportion"]).all()
    assert (table["proportion"] <= table["proportion_high"]).all()


def test_more_trials_that_are_all_right_narrow_the_interval():
    def least(n):
        trials = answers([0.5, 0.7, 1.0], n=n)
        return mixed_models.fit(trials, by=("level",))["proportion_low"].iloc[2]

    assert 0.4 < least(20) < least(200) < 1


def test_one_target_is_left_out_and_one_observer_is_refused():
    one = mixed_models.fit(answers(0.7, targets=1), by=("level",))
    assert "sd_target" not in one
    with pytest.raises(InputError, match="at least two observers"):
        mixed_models.fit(answers(0.7, observers=1), by=("level",))


def test_people_who_are_always_right_or_always_wrong_have_no_spread():
    with pytest.raises(InputError, match="the spread of column 'observer' is not measurable"):
        mixed_models.fit(answers(np.array([[0], [0], [1], [1]])), by=("level",))

"""Level 0: exact p values, error rates, and power where people discriminate a re-render.

Every possible outcome is tested once and weighted with its probability, so nothing here is random.
"""

from itertools import combinations_with_replacement, product
from math import comb

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis.statistics import level_zero
from analysis.trials.frame import GUESS

RATES = (0.02, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9)  # false-alarm rates: the null has no single one


def level_zero_trials(outcomes, n, task, same=0):
    """Return trials of level 0, an outcome a condition; of same–different, with same pairs."""
    rows = []
    for number, (right, wrong) in enumerate(outcomes):
        name = {"condition": f"{number:03d}", "observer": "o", "stimulus": "s", "task": task}
        rows.append(name | {"level": 0.0, "correct": right, "n": n, "same": False})
        if same:
            rows.append(name | {"level": 0.0, "correct": same - wrong, "n": same, "same": True})
    return pd.DataFrame(rows)


@pytest.mark.parametrize("task", ["oddity", "match_to_sample"])
@pytest.mark.parametrize("n", [5, 24])
def test_p_is_the_upper_tail_of_guessing(task, n):
    made = level_zero.level_zero(level_zero_trials([(k, 0) for k in range(n + 1)], n, task))
    guess = GUESS[task]
    for k, p in enumerate(made["p"]):
        tail = sum(comb(n, j) * guess**j * (1 - guess) ** (n - j) for j in range(k, n + 1))
        assert p == pytest.approx(tail, abs=1e-12)


@pytest.mark.parametrize("task", ["oddity", "match_to_sample"])
def test_p_is_uniform_where_people_guess(task):
    """P(p ≤ α) is α as far as whole trials allow: at most α, and above it with one outcome more."""
    n = 76
    made = level_zero.level_zero(level_zero_trials([(k, 0) for k in range(n + 1)], n, task))
    weight = binom.pmf(np.arange(n + 1), n, GUESS[task])
    for alpha in (0.001, 0.01, 0.05, 0.2, 0.5, 0.9):
        accepted = made["p"].to_numpy() <= alpha
        assert weight[accepted].sum() <= alpha
        next_one = np.flatnonzero(~accepted)[-1]
        assert weight[accepted].sum() + weight[next_one] > alpha


@pytest.mark.parametrize(
    ("n", "right", "least"),
    [
        (76, 0.55, 0.95),
        (76, 1 / 3, 0.0),
        (24, 0.75, 0.95),  # 24 trials find what is plain, and little else
        (24, 0.45, 0.1),
    ],
)
def test_power_where_people_discriminate_a_rerender(n, right, least):
    """Exact probability that `above_chance` is true; at most α where people guess."""
    made = level_zero.level_zero(level_zero_trials([(k, 0) for k in range(n + 1)], n, "oddity"))
    # `p_holm` of this table counts n + 1 conditions; that of one condition alone is p.
    found = binom.pmf(np.arange(n + 1), n, right)[made["p"] < level_zero.ALPHA].sum()
    assert found >= least
    if right == 1 / 3:
        assert found <= level_zero.ALPHA
    k = int(np.argmax(made["p"] < level_zero.ALPHA))
    alone = level_zero.level_zero(level_zero_trials([(k, 0)], n, "oddity")).iloc[0]
    assert alone["above_chance"]
    assert not level_zero.level_zero(level_zero_trials([(k - 1, 0)], n, "oddity")).iloc[0][
        "above_chance"
    ]


def test_several_conditions_raise_no_more_false_alarms_than_one():
    """All outcomes of two conditions of 6 trials: either is significant in at most .05 of them."""
    weight = binom.pmf(np.arange(7), 6, 1 / 3)
    false_alarm = 0.0
    for two in combinations_with_replacement(range(7), 2):
        if two[1] < 5:  # 4 right of 6 have p = .1: never significant
            continue
        table = level_zero.level_zero(level_zero_trials([(k, 0) for k in two], 6, "oddity"))
        orders = 1 if two[0] == two[1] else 2
        false_alarm += orders * weight[list(two)].prod() * table["above_chance"].any()
    # P(5 or 6 right) = 13/729 is below .05/2: 1 − (1 − 13/729)².
    assert false_alarm == pytest.approx(1 - (1 - 13 / 729) ** 2, abs=1e-12)


def test_errors_of_same_different_are_kept_whatever_the_false_alarm_rate():
    """All outcomes of 7 pairs of different and 7 of the same images, weighted with their null."""
    n = same = 7
    outcomes = list(product(range(n + 1), range(same + 1)))
    p = level_zero.level_zero(level_zero_trials(outcomes, n, "same_different", same))[
        "p"
    ].to_numpy()
    hits, wrong = np.array(outcomes).T
    largest = 0.0
    for rate in RATES:
        weight = binom.pmf(hits, n, rate) * binom.pmf(wrong, same, rate)
        for alpha in (0.01, 0.05, 0.2):
            size = weight[p <= alpha].sum()
            assert size <= alpha
            largest = max(largest, size / alpha)
    assert largest > 0.4  # and it is not a test that never rejects
    # Hits in .9 and false alarms in .1: found in most of so few trials.
    seen = binom.pmf(hits, n, 0.9) * binom.pmf(wrong, same, 0.1)
    assert seen[p < level_zero.ALPHA].sum() > 0.9


def test_hits_and_false_alarms_are_reported_as_such():
    made = level_zero.level_zero(level_zero_trials([(6, 2)], 8, "same_different", same=10)).iloc[0]
    assert (made["hit_rate"], made["chance"], made["trials"]) == (0.75, 0.2, 8)
    without = level_zero.level_zero(level_zero_trials([(6, 0)], 8, "same_different")).iloc[0]
    assert np.isnan(without["p"])
    assert not without["above_chance"]

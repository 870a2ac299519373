"""Group models where people differ: limits of mixed models, and errors of the equivalence test."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import brentq
from scipy.special import expit
from scipy.stats import t

from analysis.statistics import equivalence, mixed_models
from analysis.statistics.sensitivity import proportion_correct
from tests.statistical.bands import Intervals, Rate

SPREAD = 0.7  # of people, in logits


def group(p, n, **more):
    """Answers of people with these probabilities of a right one, or as often as these expect."""
    rows = {"observer": np.arange(len(p)), "correct": p, "n": n, "condition": "c", "level": 1.0}
    return pd.DataFrame(rows).assign(stimulus="s", task="oddity", **more)


def test_intervals_of_a_group_whose_people_differ(rng, full):
    """Limits of the group's logit and proportion hold those of the population.

    Eight people of 30 trials, with a standard deviation of .7 between them. At full counts it finds
    a coverage of .80 (intervals that treat all trials as independent have less), intervals twice
    as wide and a bias of half a standard error, each with probability .9; at reduced counts a
    coverage of .60 and a bias of one standard error. False alarm 2e-3.
    """
    check = Intervals(110) if full else Intervals(31, too_low=0.6, wider=None, bias=1.0)
    truth = 0.8
    rows = []
    for _ in range(check.n):
        p = expit(truth + SPREAD * rng.standard_normal(8))
        rows.append(mixed_models.fit(group(rng.binomial(30, p), 30)).iloc[0])
    table = pd.DataFrame(rows)
    check.check(table["logit"], table["logit_low"], table["logit_high"], truth, t.ppf(0.975, 7))
    # The proportion is a rising function of logit and spread: its limits hold it as often.
    mean = float(mixed_models.population_mean(np.array(truth), SPREAD))
    held = (table["proportion_low"] <= mean) & (mean <= table["proportion_high"])
    Rate(check.n, (0.94, 1.0), (check.too_low,)).check(held.sum())


def at(d, spread):
    """Logit of the middle person where the population's proportion correct is that of d′ = d."""
    right = proportion_correct(d, task="oddity")
    return brentq(lambda b: mixed_models.population_mean(np.array(b), spread) - right, -5, 5)


def test_a_group_at_the_margin_is_accepted_with_p_one_half():
    """Without chance: people of d′ 1, the margin, as right as they should be; then of d′ 0."""
    n = 390  # 163 of them are .4180, 97 are as far below a third
    edge = np.full(8, round(n * proportion_correct(1.0, task="oddity")))
    row = equivalence.equivalence(group(edge, n), margin=1.0).iloc[0]
    assert row["p_above"] == pytest.approx(0.5, abs=0.05)
    assert row["p"] == row["p_above"]
    assert row["margin_proportion"] == pytest.approx(0.4180, abs=5e-5)
    chance = equivalence.equivalence(group(np.full(8, round(n / 3)), n), margin=1.0).iloc[0]
    assert 0 < chance["p_below"] < chance["p_above"] == chance["p"] < 1e-3
    below = group(np.full(8, round(n * (2 / 3 - 0.41805))), n)
    assert equivalence.equivalence(below, margin=1.0).iloc[0]["p_below"] == pytest.approx(
        0.5, abs=0.05
    )


@pytest.mark.full
@pytest.mark.parametrize("spread", [0.0, 0.4])
def test_error_rate_at_the_margin(spread, rng):
    """People of d′ 1, the margin, are wrongly accepted in at most .05 of experiments.

    It finds an error rate of .10 with probability .9; false alarm 1e-3.
    """
    check = Rate(530, (0.0, 0.05), (0.1,))
    middle = at(1.0, spread)
    accepted = 0
    for _ in range(check.n):
        p = expit(middle + spread * rng.standard_normal(8))
        row = equivalence.equivalence(group(rng.binomial(60, p), 60), margin=1.0).iloc[0]
        accepted += row["p"] < equivalence.ALPHA
    check.check(accepted)


@pytest.mark.full
def test_power_where_people_cannot_tell(rng):
    """Eight people of d′ 0 and 100 trials: shown to be within d′ 1 in more than .8 of experiments.

    It finds a power of .6 with probability .9; false alarm 1e-3.
    """
    check = Rate(110, (0.8, 1.0), (0.6,))
    accepted = 0
    for _ in range(check.n):
        row = equivalence.equivalence(group(rng.binomial(100, 1 / 3, 8), 100), margin=1.0).iloc[0]
        accepted += row["p"] < equivalence.ALPHA
    check.check(accepted)

"""Where people cannot tell: claimed only when all of its conditions hold."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from analysis.statistics import equivalence, mixed_models
from analysis.statistics.sensitivity import proportion_correct
from analysis.trials.load import from_table
from scenes.base.errors import InputError


def group(d, role="result", people=12, targets=12, n=30):
    """People of one d′ in oddity, without spread: counts are the quantiles of their binomial."""
    cells = people * targets
    order = 53 * np.arange(cells) % cells  # 53 is prime: every quantile once, in mixed order
    correct = binom.ppf((order + 0.5) / cells, n, proportion_correct(d, task="oddity"))
    columns = {
        "observer": np.repeat([f"o{number}" for number in range(people)], targets),
        "stimulus": np.tile([f"t{number}" for number in range(targets)], people),
        "correct": correct.astype(int),
    }
    frame = pd.DataFrame(columns).assign(condition="shape", level=1, n=n)
    return from_table(frame, task="oddity").assign(role=role)


def test_the_claim_when_all_holds():
    frame = pd.concat([group(0), group(2, role="control")])
    row = equivalence.equivalence(frame, margin=1.0, catch_passed=True).iloc[0]
    assert row["cannot_tell"]
    assert row["p"] < 0.05
    assert row["bayes_factor"] > 3
    assert row["control_dprime"] == pytest.approx(2, abs=0.05)


@pytest.mark.parametrize(
    ("d", "control", "catch", "reading"),
    [
        (1.5, 2, True, "not shown to be within d' 1"),
        (0, None, True, "no controls show that these people can tell"),
        (0, 0, True, "controls do not exceed d' 1"),
        (0, 2, None, "no catch trials"),
        (0, 2, False, "catch trials were failed"),
    ],
)
def test_no_claim(d, control, catch, reading):
    parts = [group(d)]
    if control is not None:
        parts.append(group(control, role="control"))
    row = equivalence.equivalence(pd.concat(parts), margin=1.0, catch_passed=catch).iloc[0]
    assert not row["cannot_tell"]
    assert reading in row["reading"]


def test_bayes_factor_at_ceiling_is_against_guessing():
    frame = group(0).assign(correct=30)
    assert equivalence.equivalence(frame).iloc[0]["bayes_factor"] < 1e-6


def test_mixed_model_by_hand_without_spread():
    fitted = mixed_models.fit(group(1.5)).iloc[0]
    assert fitted["proportion"] == pytest.approx(fitted["correct"] / fitted["trials"], abs=0.02)
    assert fitted["proportion_low"] < fitted["proportion"] < fitted["proportion_high"]
    assert fitted["df"] == 11


def test_the_fewer_of_people_and_targets_limit_what_is_known():
    few = mixed_models.fit(group(1.5, targets=3, n=120)).iloc[0]
    assert few["df"] == 2
    # Student's 97.5 % quantile for 2 degrees of freedom.
    assert few["logit_high"] - few["logit"] == pytest.approx(4.303 * few["logit_se"], rel=1e-3)
    assert mixed_models.fit(group(1.5, targets=1)).iloc[0]["df"] == 11


def test_same_different_is_refused():
    frame = group(0).assign(task="same_different")
    with pytest.raises(InputError, match=r"hits depend on the criterion .* use oddity or match"):
        equivalence.equivalence(frame, catch_passed=True)


def test_counts_are_the_trials_that_they_stand_for():
    counts = group(1, people=4, n=10)
    single = counts.loc[counts.index.repeat(10)].assign(n=1).reset_index(drop=True)
    within = single.groupby(["observer", "stimulus"]).cumcount()
    single["correct"] = (within < single["correct"]).astype(int)
    one, other = mixed_models.fit(counts), mixed_models.fit(single)
    np.testing.assert_allclose(one["logit"], other["logit"], atol=1e-3)


def test_population_mean_by_hand():
    assert mixed_models.population_mean(np.array(0.0), 2.0) == pytest.approx(0.5)
    # A spread pulls towards a half: logit 2, spread 1.7: about Φ((2/1.7)/√2).
    assert mixed_models.population_mean(np.array(2.0), 1.7) == pytest.approx(0.80, abs=0.01)


def test_one_observer_is_no_group():
    with pytest.raises(InputError, match="at least two observers"):
        mixed_models.fit(group(1, people=1))

"""Ratios of thresholds: known answers, open intervals, controls, readings."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import invariance, threshold_likelihood
from analysis.statistics.multiple_tests import holm
from analysis.statistics.threshold_ratios import find_ratios
from analysis.trials.load import from_table
from scenes.base.errors import InputError

LEVELS = np.array([0.05, 0.1, 0.2, 0.4, 0.7, 1.0])


def expected(names, thresholds, n=60, condition="shape", role="result", task="oddity"):
    """Observers whose answers are exactly what their functions expect, rounded."""
    guess = {"oddity": 1 / 3, "2afc": 1 / 2}[task]
    rows = [
        {"observer": name, "condition": condition, "stimulus": "s", "level": level, "n": n,
         "correct": round(n * (guess + (1 - guess) * (1 - 0.5 ** ((level / m) ** 2.5))))}
        for name, m in zip(names, thresholds, strict=True)
        for level in LEVELS
    ]  # fmt: skip
    return from_table(pd.DataFrame(rows), task=task).assign(role=role)


PEOPLE = expected("abcdef", 0.25 * 2.0 ** np.array([-0.5, -0.3, -0.1, 0.1, 0.3, 0.5]))


@pytest.fixture(scope="module")
def ratios():
    """Give PEOPLE against models that need twice the distance, or more than was tested."""
    thresholds = {"twice": 0.5, "beyond": 50.0, "close": 0.3}
    models = [expected([name], [m], n=400) for name, m in thresholds.items()]
    return find_ratios(PEOPLE, pd.concat(models))


@pytest.fixture(scope="module")
def compared(ratios):
    return invariance.table(ratios).set_index("observer")


def test_a_model_that_needs_twice_the_distance(compared):
    row = compared.loc["twice"]
    assert row["log2_ratio"] == pytest.approx(1, abs=0.15)
    assert row["log2_ratio_low"] < 1 < row["log2_ratio_high"]
    assert row["people_threshold"] == pytest.approx(0.25, rel=0.1)
    assert row["model_threshold"] == pytest.approx(0.5, rel=0.1)
    assert row["p"] < 0.01
    assert row["reading"].startswith("the model ignores what people see")


def test_a_model_beyond_the_levels_is_a_bound_not_a_number(compared):
    row = compared.loc["beyond"]
    assert row["model_measurable"] == "above"
    assert np.isnan(row["model_threshold"])
    assert np.isnan(row["log2_ratio"])
    assert row["log2_ratio_high"] == np.inf
    # At least from .25 to the last level, 1, less the uncertainty of both.
    assert 1 < row["log2_ratio_low"] < 2.2
    assert row["reading"].startswith("the model ignores what people see")


def test_a_model_beyond_the_levels_has_no_difference_from_another(ratios):
    rows = invariance.differences(ratios).set_index(["first", "second"])["difference"]
    assert rows["close", "twice"] == pytest.approx(np.log2(0.3 / 0.5), abs=0.2)
    assert np.isnan(rows["beyond", "close"])
    assert np.isnan(rows["beyond", "twice"])


def test_people_beyond_the_levels():
    models = pd.concat([expected(["close"], [0.3], 400), expected(["beyond"], [50.0], 400)])
    rows = invariance.compare(expected("abcdef", [50.0] * 6), models).set_index("observer")
    assert (rows["people_measurable"] == "above").all()
    row = rows.loc["close"]
    assert row["log2_ratio_low"] == -np.inf
    assert row["log2_ratio_high"] < -1
    assert row["reading"].startswith("people ignore what the model sees")
    row = rows.loc["beyond"]
    assert (row["log2_ratio_low"], row["log2_ratio_high"]) == (-np.inf, np.inf)
    assert row["reading"] == "neither threshold could be measured"


FEW = (0.5, 1.0)
# Answers of four people and a model at these levels, that put a threshold on either side of them.
ABOVE, BELOW, INSIDE = (15, 24), (34, 36), (18, 32)
MODEL = {"above": (110, 180), "below": (290, 297), "inside": (180, 280)}


def answers(names, correct, n):
    common = {"condition": "shape", "stimulus": "s", "n": n}
    rows = [
        common | {"observer": name, "level": level, "correct": k}
        for name in names
        for level, k in zip(FEW, correct, strict=True)
    ]
    return from_table(pd.DataFrame(rows), task="oddity").assign(role="result")


def few_levels(people, model):
    return invariance.compare(answers("abcd", people, 40), answers(["net"], model, 300)).iloc[0]


@pytest.mark.parametrize(("people", "side"), [(ABOVE, "above"), (BELOW, "below")])
def test_two_thresholds_on_one_side_of_few_levels_have_no_ratio(people, side):
    row = few_levels(people, MODEL[side])
    assert row["people_measurable"] == row["model_measurable"] == side
    end = "high" if side == "above" else "low"
    assert [row[f"{who}_threshold_{end}"] for who in ("people", "model")] == (
        [np.inf] * 2 if side == "above" else [0.0] * 2
    )
    assert np.isnan(row["log2_ratio"])
    assert (row["log2_ratio_low"], row["log2_ratio_high"]) == (-np.inf, np.inf)
    assert row["reading"] == "neither threshold could be measured"


@pytest.mark.parametrize(
    ("people", "model", "low", "high"),
    [
        (ABOVE, "below", -np.inf, -1),  # below .5 and above 1: a ratio of at most .5
        (BELOW, "above", 1, np.inf),
        (ABOVE, "inside", -np.inf, -0.7),  # the model's is .51
        (INSIDE, "above", 0.13, np.inf),  # people's is between .67 and .92
    ],
)
def test_a_threshold_outside_few_levels_bounds_the_ratio(people, model, low, high):
    row = few_levels(people, MODEL[model])
    assert np.isnan(row["log2_ratio"])
    found = [row["log2_ratio_low"], row["log2_ratio_high"]]
    assert found == pytest.approx([low, high], abs=0.1)
    assert row["p"] < 0.05


def test_some_people_beyond_the_levels_are_not_dropped():
    wide = 0.25 * 2.0 ** np.array([-1, -0.5, 0, 0.5, 3.0, 3.0])
    few, all_of_them = (
        invariance.compare(expected("abcdef"[: len(m)], m), expected(["net"], [0.5], 400)).iloc[0]
        for m in (wide[:4], wide)
    )
    assert all_of_them["log2_ratio"] < few["log2_ratio"] - 0.3


def test_ratio_relative_to_controls():
    people = pd.concat([PEOPLE, PEOPLE.assign(role="control")])
    model = pd.concat(
        [expected(["net"], [0.7], 400), expected(["net"], [0.25], 400, role="control")]
    )
    row = invariance.compare(people, model).iloc[0]
    assert row["control_log2_ratio"] == pytest.approx(0, abs=0.15)
    assert row["relative_log2_ratio"] == pytest.approx(np.log2(0.7 / 0.25), abs=0.25)
    assert "compared with random changes (controls), the model ignores more" in row["reading"]


def test_conditions_and_models_are_compared():
    people = pd.concat([PEOPLE, PEOPLE.assign(condition="material")])
    nets = [("one", "shape", 0.5), ("one", "material", 0.25), ("two", "shape", 0.25),
            ("two", "material", 0.25)]  # fmt: skip
    model = pd.concat([expected([n], [m], 400).assign(condition=c) for n, c, m in nets])
    rows = invariance.differences(find_ratios(people, model))
    assert len(rows) == 4
    found = rows.set_index(["within", "first", "second"])["difference"]
    assert found["one", "material", "shape"] == pytest.approx(-1, abs=0.2)
    assert found["shape", "one", "two"] == pytest.approx(1, abs=0.2)
    assert found["material", "one", "two"] == pytest.approx(0, abs=0.1)
    tested = rows["p"].notna()
    assert list(rows.loc[tested, "within"]) == ["one", "two"]  # one model, two conditions
    assert (rows.loc[tested, "p_holm"] >= rows.loc[tested, "p"]).all()


def test_models_are_compared_relative_to_their_controls_and_without_p():
    people = pd.concat([PEOPLE, PEOPLE.assign(role="control")])
    model = pd.concat(
        expected([name], [m], 400, role=role)
        for name, m, role in (
            ("one", 0.5, "result"), ("one", 0.25, "control"),
            ("two", 0.5, "result"), ("two", 0.5, "control"),
        )
    )  # fmt: skip
    row = invariance.differences(find_ratios(people, model)).iloc[0]
    assert (row["first"], row["second"]) == ("one", "two")
    # log₂(.5 / .25) − log₂(.5 / .5): without controls, they do not differ.
    assert row["difference"] == pytest.approx(1, abs=0.15)
    assert np.isnan(row[["difference_low", "difference_high", "p", "p_holm"]].astype(float)).all()


def test_a_direction_is_stated_only_if_significant_after_the_correction():
    slightly = expected(["slightly"], [0.36], n=100)
    alone = invariance.compare(PEOPLE, slightly).iloc[0]
    assert 0.0125 < alone["p"] < 0.05
    assert alone["reading"] == "the model ignores what people see"
    equal = expected(["one", "two", "three"], [0.25] * 3, n=100)
    rows = invariance.compare(PEOPLE, pd.concat([slightly, equal])).set_index("observer")
    assert rows.loc["slightly", "p"] == alone["p"]
    assert rows.loc["slightly", "p_holm"] == pytest.approx(4 * alone["p"])
    assert rows.loc["slightly", "reading"] == (
        "no difference shown once corrected for the number of comparisons"
    )
    assert rows.loc["two", "reading"] == "no difference shown"


def test_difference_of_two_normal_likelihoods_is_normal():
    grid = threshold_likelihood.STEP * np.arange(-200, 201)
    a, b = (
        threshold_likelihood.Likelihood(grid, -((grid - m) ** 2) / (2 * s**2))
        for m, s in ((1.0, 0.3), (-0.5, 0.4))
    )
    made = threshold_likelihood.difference(a, b)
    low, high = made.interval()
    # Mean 1.5, standard deviation √(.3² + .4²) = .5.
    assert made.mode == pytest.approx(1.5, abs=0.01)
    assert (low, high) == pytest.approx((1.5 - 1.96 * 0.5, 1.5 + 1.96 * 0.5), abs=0.01)
    assert made.p_value(1.5 + 1.96 * 0.5) == pytest.approx(0.05, abs=0.002)


def test_holm_by_hand():
    # .01 × 3, .03 × 2, .04 × 1 → at least what came before.
    np.testing.assert_allclose(holm([0.04, 0.01, 0.03]), [0.06, 0.03, 0.06])
    # A row without p is no comparison.
    np.testing.assert_allclose(holm([0.01, np.nan, 0.03]), [0.02, np.nan, 0.03])
    assert np.isnan(holm([np.nan])).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: invariance.compare(PEOPLE, PEOPLE.assign(condition="x")),
            "the model has no trials",
        ),
        (lambda: invariance.compare(PEOPLE, PEOPLE, curve="norm"), "need a curve on log x"),
        (
            lambda: invariance.compare(PEOPLE.assign(level=0.0), PEOPLE),
            "no trials with level above",
        ),
        (
            lambda: invariance.compare(
                PEOPLE.assign(role="control"), PEOPLE.assign(role="control")
            ),
            "no trials other than controls; add result to experiment.comparisons",
        ),
    ],
)
def test_refusals(call, message):
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("unit", [1e-6, 1e6])
def test_the_unit_of_distances_only_changes_thresholds(unit):
    model, people = expected(["net"], [0.5], n=400), PEOPLE[PEOPLE["observer"].isin(["a", "f"])]
    one, other = (
        invariance.compare(
            people.assign(level=people["level"] * scale), model.assign(level=model["level"] * scale)
        ).iloc[0]
        for scale in (1, unit)
    )
    for name in one.index:
        if "threshold" in name:
            assert other[name] == pytest.approx(unit * one[name], rel=1e-6)
        elif "log2_ratio" in name or name == "p":
            assert other[name] == pytest.approx(one[name], abs=1e-6)


def test_answers_that_fall_give_no_ratio():
    falling = PEOPLE.assign(level=LEVELS.max() * LEVELS.min() / PEOPLE["level"])
    row = invariance.compare(falling, expected(["net"], [0.5], 400)).iloc[0]
    assert row["people_measurable"] == "falling"
    assert np.isnan([row["people_threshold"], row["log2_ratio"]]).all()
    assert (row["log2_ratio_low"], row["log2_ratio_high"]) == (-np.inf, np.inf)
    assert row["reading"] == "no ratio: people's answers fall with the distance"


@pytest.mark.parametrize("n", [60, 1000, 100_000])
def test_a_likelihood_narrower_than_a_step_of_the_grid_keeps_its_limits(n):
    levels = LEVELS[:, None] * np.array([1.0, 1.01])  # thresholds that are on no grid
    for factor in levels.T / LEVELS:
        trials = expected(["a"], [0.27], n=n).assign(level=LEVELS * factor)
        made = threshold_likelihood.group([trials], threshold_likelihood.grid_for(LEVELS))
        low, high = made.interval()
        truth = np.log2(0.27 * factor[0])
        assert low < truth < high
        assert low < made.mode < high
        # The standard error of a threshold is about 1.7/√n octaves here.
        assert 3 < (high - low) * np.sqrt(n) < 12
        assert made.p_value(low) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("false_alarms", [0.02, 0.7, 0.9])
def test_same_different_with_any_criterion(false_alarms):
    spans = []
    for n in (170, 2000):
        rise = 1 - 0.5 ** ((LEVELS / 0.4) ** 2.5)
        hits = np.round(n * (false_alarms + (1 - false_alarms - 0.02) * rise))
        made = _same_different(false_alarms, n, hits)
        low, high = made.interval()
        assert low < np.log2(0.4) < high
        spans.append(high - low)
    assert spans[1] < spans[0] / 2


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_equal_answers_say_nothing_about_a_threshold(answer):
    made = _same_different(answer, 30, np.full(6, 30 * answer))
    assert made.interval() == (-np.inf, np.inf)
    row = invariance.threshold_row("people", made, LEVELS, 0.95)
    assert row["people_measurable"] == "unknown"
    assert np.isnan(row["people_threshold"])


def _same_different(false_alarms, n, hits):
    right = round(6 * n * (1 - false_alarms))
    frame = pd.DataFrame({"level": [0, *LEVELS], "correct": [right, *hits], "n": [6 * n, *[n] * 6]})
    named = frame.assign(observer="a", condition="c", stimulus="s")
    trials = from_table(named, task="same_different")
    return threshold_likelihood.group([trials], threshold_likelihood.grid_for(LEVELS))


@pytest.mark.parametrize("power", [0.02, 1.0, 5.0])
def test_levels_close_together_or_decades_apart(power):
    trials = expected(["a"], [0.3]).assign(level=LEVELS**power)
    made = threshold_likelihood.group([trials], threshold_likelihood.grid_for(LEVELS**power))
    low, high = np.array(made.interval()) / power
    assert low < np.log2(0.3) < high
    assert high - low < 1.2

"""The criterion, on numbers that are checked by hand."""

import json
import warnings

import numpy as np
import pytest
import torch

from mrd.criterion.criterion import (
    LEAST_ROOM,
    distinct_digits,
    judge,
    match,
    measures,
    stacked,
    target_again,
)

# Two cameras; four null scenes with mean 0.3 and 0.5, two re-renders with mean 0.9 and 0.9.
NULL = np.array([[0.1, 0.3], [0.2, 0.5], [0.4, 0.6], [0.5, 0.6]])
CEILING = np.array([[0.88, 0.86], [0.92, 0.94]])


def both(pearson, spearman=None, snr_db=None):
    """Return measures that agree by default; the SNR is ten times r."""
    r = np.asarray(pearson, dtype=float)
    return {
        "pearson": r,
        "spearman": r if spearman is None else np.asarray(spearman, dtype=float),
        "snr_db": 10 * r if snr_db is None else np.asarray(snr_db, dtype=float),
    }


def judged(result, null=NULL, ceiling=CEILING, floor=0.8, **labels):
    return judge(["c0", "c1"], result, both(null), both(ceiling), floor, **labels)


def failures(verdict):
    return [judgement.failed for judgement in verdict.judgements]


def test_match_is_the_place_between_null_and_ceiling():
    # (0.6 − 0.3) / (0.9 − 0.3) and (0.8 − 0.5) / (0.9 − 0.5).
    np.testing.assert_allclose(match(np.array([0.6, 0.8]), NULL, CEILING), [0.5, 0.75])
    np.testing.assert_allclose(match(np.array([0.3, 0.9]), NULL, CEILING), [0, 1], atol=1e-12)
    np.testing.assert_allclose(match(np.array([0.0, 1.0]), NULL, CEILING), [-0.5, 1.25])


@pytest.mark.parametrize(
    ("ceiling", "defined"), [(0.3 + 1.01 * LEAST_ROOM, True), (0.3 + 0.99 * LEAST_ROOM, False)]
)
def test_a_match_without_room_is_undefined(ceiling, defined):
    null = np.full((3, 1), 0.3)
    found = match(np.array([0.31]), null, np.full((2, 1), ceiling))
    assert np.isfinite(found[0]) == defined


def test_a_ceiling_below_the_null_leaves_no_room_either():
    found = match(np.array([0.9]), np.full((3, 1), 0.8), np.full((2, 1), 0.5))
    assert np.isnan(found).all()


def test_a_result_above_the_null_and_the_floor_is_a_metamer():
    verdict = judged(both([0.8, 0.85]))  # matches 0.8333, 0.875
    assert verdict.metamer
    assert failures(verdict) == ["", ""]
    assert verdict.match == pytest.approx((5 / 6 + 7 / 8) / 2)


def test_one_camera_that_fails_is_enough():
    verdict = judged(both([0.8, 0.81]))  # matches 0.8333, 0.775
    assert not verdict.metamer
    assert failures(verdict) == ["", "match 0.775 is below 0.8"]


def test_a_narrow_failure_is_reported_with_enough_digits():
    verdict = judged(both([0.8, 0.81985]))  # a match of .799625
    assert failures(verdict) == ["", "match 0.7996 is below 0.8"]
    verdict = judged(both([0.8, 0.85], spearman=[0.4999996, 0.85]))
    assert failures(verdict)[0] == "spearman 0.4999996 does not beat the null's 0.5000000"


@pytest.mark.parametrize(
    ("one", "other", "places", "texts"),
    [
        (0.775, 0.8, 3, ("0.775", "0.800")),
        (0.89966, 0.9, 2, ("0.8997", "0.9000")),
        (0.9036, 0.9, 2, ("0.904", "0.900")),
        (0.5, 0.5, 3, ("0.500", "0.500")),
        (np.nan, 0.5, 3, ("nan", "0.500")),
        (np.nextafter(0.9, 0), 0.9, 3, ("0.8999999999999999", "0.9000000000000000")),
    ],
)
def test_distinct_numbers_have_distinct_digits(one, other, places, texts):
    assert distinct_digits(one, other, places) == texts


def test_the_floor_itself_is_reached():
    null, ceiling = np.zeros((2, 1)), np.ones((2, 1))
    verdict = judge(["c0"], both([0.75]), both(null), both(ceiling), 0.75)
    assert verdict.metamer


@pytest.mark.parametrize("measure", ["pearson", "spearman", "snr_db"])
def test_each_measure_has_to_beat_the_maximum_of_its_null(measure):
    scale = 10 if measure == "snr_db" else 1
    equal = both([0.8, 0.85]) | {measure: np.array([0.5, 0.85]) * scale}
    above = both([0.8, 0.85]) | {measure: np.array([0.51, 0.85]) * scale}
    assert failures(judged(equal, floor=0.0))[0] == (
        f"{measure} {0.5 * scale:.3f} does not beat the null's {0.5 * scale:.3f}"
    )
    assert judged(above, floor=0.0).metamer


@pytest.mark.parametrize("measure", ["pearson", "spearman", "snr_db"])
def test_a_measure_that_is_undefined_fails(measure):
    undefined = both([0.8, 0.85]) | {measure: np.array([0.8, np.nan])}
    verdict = judged(undefined, floor=0.0)
    assert not verdict.metamer
    assert f"{measure} nan does not beat" in failures(verdict)[1]


def test_a_null_that_is_undefined_is_not_beaten():
    null = NULL.copy()
    null[2, 1] = np.nan
    verdict = judged(both([0.8, 0.85]), null=null)
    assert failures(verdict)[0] == ""
    assert "pearson of 1 of 4 null scenes is undefined" in failures(verdict)[1]


def test_no_room_between_null_and_ceiling_fails_and_says_so():
    # The second camera's re-renders are hardly more alike than its null scenes.
    ceiling = CEILING * [1, 0] + [0, 0.51]
    verdict = judged(both([0.8, 0.85]), ceiling=ceiling, floor=0.0)
    assert failures(verdict) == ["", "no room between null and ceiling"]
    assert np.isnan(verdict.match)
    assert not verdict.metamer


def test_another_class_fails():
    result = both([0.8, 0.85])
    target = np.array([[3, 4]])
    same = judged(result, labels_target=target, labels_result=[3, 4])
    other = judged(result, labels_target=target, labels_result=[3, 5])
    assert same.metamer
    assert failures(other) == ["", "class 5 is not the target's 4"]
    assert same.as_json()["label_rule"] == "the target's class, at cameras where it is stable"


def test_a_class_that_changes_with_noise_does_not_count():
    # At the second camera the target is called 4, its two re-renders 6 and 4.
    target = np.array([[3, 4], [3, 6], [3, 4]])
    result = both([0.8, 0.85])
    assert judged(result, labels_target=target, labels_result=[3, 5]).metamer
    swapped = judged(result, labels_target=target, labels_result=[6, 5])
    assert failures(swapped) == ["class 6 is not the target's 3", ""]
    cameras = swapped.as_json()["cameras"]
    assert [camera["labels_target"] for camera in cameras] == [[3], [4, 6]]
    assert [camera["class_rule"] for camera in cameras] == [
        "applies",
        "not applicable: images of the target get the classes 4 and 6",
    ]
    assert [camera["label_result"] for camera in cameras] == [6, 5]


def test_a_class_of_low_probability_does_not_count():
    # The mean over the target's three images is 0.3 at the first camera and 0.19 at the second.
    target = np.array([[3, 4]] * 3)
    probabilities = np.array([[0.1, 0.19], [0.3, 0.09], [0.5, 0.29]])

    def found(least):
        return judged(
            both([0.8, 0.85]),
            labels_target=target,
            labels_result=[6, 5],
            probabilities_target=probabilities,
            class_probability=least,
        )

    assert failures(found(0.2)) == ["class 6 is not the target's 3", ""]
    described = found(0.2).as_json()
    assert described["class_probability"] == 0.2
    assert [each["probability_target"] for each in described["cameras"]] == [
        pytest.approx(0.3),
        pytest.approx(0.19),
    ]
    assert described["cameras"][1]["class_rule"] == (
        "not applicable: the target's class 4 has a mean probability of 0.19, below 0.20"
    )
    assert found(0.31).metamer
    assert found(0.31).as_json()["label_rule"] == "not applicable"
    assert failures(found(0.0))[1] == "class 5 is not the target's 4"


def test_the_least_probability_itself_is_enough():
    half = {"labels_target": np.array([[3, 4]]), "probabilities_target": np.full((1, 2), 0.5)}
    strict = judged(both([0.8, 0.85]), **half, labels_result=[3, 5], class_probability=0.5)
    assert not strict.metamer


def test_without_classes_their_rule_does_not_apply():
    verdict = judged(both([0.8, 0.85]))
    assert verdict.metamer
    assert verdict.as_json()["label_rule"] == "not applicable"
    camera = verdict.as_json()["cameras"][0]
    assert camera["label_result"] is camera["probability_target"] is None
    assert camera["class_rule"] == "not applicable: the model has no classes"


def test_no_camera_is_no_metamer_and_no_warning():
    none = np.zeros((4, 0))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        verdict = judge([], both(none[0]), both(none), both(none[:2]), 0.9)
        described = verdict.as_json()
    assert not verdict.metamer
    assert np.isnan(described["match"])
    assert described["cameras"] == []


@pytest.mark.parametrize(("size", "p"), [(4, 1 / 5), (19, 0.05), (99, 0.01)])
def test_beating_n_nulls_bounds_p(size, p):
    null = np.zeros((size, 2))
    assert judged(both([0.8, 0.85]), null=null).p == pytest.approx(p)


def test_beating_a_null_has_its_false_alarm_rate(rng, count):
    """A result drawn like its null beats the maximum with probability 1 / (N + 1)."""
    draws, size = count(2000, 20_000), 19
    r = rng.normal(0, 0.1, size=(draws, size + 1))
    ceiling = both(np.ones((2, 1)))
    beaten = sum(
        judge(["c0"], both(row[:1]), both(row[1:, None]), ceiling, floor=-10).metamer for row in r
    )
    # Binomial band of 4.5 standard deviations: false alarm 7e-6.
    spread = np.sqrt(0.05 * 0.95 * draws)
    assert abs(beaten - 0.05 * draws) < 4.5 * spread


def test_the_record_of_a_verdict_can_be_written():
    described = judged(
        both([0.8, 0.81]), labels_target=np.array([[1, 2]]), labels_result=[1, 2]
    ).as_json()
    again = json.loads(json.dumps(described))
    assert again["metamer"] is False
    assert again["null_size"] == 4
    assert again["ceiling_size"] == 2
    assert again["p_bound"] == 0.2
    first, second = again["cameras"]
    assert (first["camera"], second["camera"]) == ("c0", "c1")
    assert first["passed"] is True
    assert second["failed"] == "match 0.775 is below 0.8"
    assert first["null_mean"] == pytest.approx(0.3)
    assert first["null_maximum"]["pearson"] == 0.5
    assert first["ceiling_mean"] == pytest.approx(0.9)


# ---- Measures -----------------------------------------------------------------------------------


def test_measures_are_averaged_over_layers_camera_by_camera():
    x = torch.tensor([[1.0, 2.0, 3.0, 4.0], [1.0, 2.0, 3.0, 4.0]])
    backward = torch.tensor([[1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0]])
    found = measures(
        {"a": x, "b": x.reshape(2, 2, 2)}, {"a": 2 * backward, "b": 2 * x.reshape(2, 2, 2)}
    )
    # r is 1 and 1 at the first camera, −1 and 1 at the second.
    np.testing.assert_allclose(found["pearson"], [1, 0], atol=1e-12)
    np.testing.assert_allclose(found["spearman"], [1, 0], atol=1e-12)
    # ‖x‖ / ‖x − 2x‖ = 1: 0 dB. Backward: x − 2y = (−7, −4, −1, 2), ‖·‖² = 70, ‖x‖² = 30.
    np.testing.assert_allclose(found["snr_db"], [0, 10 * np.log10(30 / 70) / 2], atol=1e-6)


def test_measures_stack_with_comparisons_first():
    rows = [both([0.1, 0.2]), both([0.3, 0.4]), both([0.5, 0.6])]
    found = stacked(rows)
    assert found["pearson"].tolist() == [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]]
    assert found["snr_db"].shape == (3, 2)


# ---- Physical difference ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difference", "again"),
    [
        ({"shape": {"chamfer": 0.005, "hausdorff": 0.5}}, True),
        ({"shape": {"chamfer": 0.02}}, False),
        ({"material": {"rms_log_reflectance": 0.04}}, True),
        ({"lighting": {"rms_log_radiance": 0.06}}, False),
        ({"shape": {"chamfer": 0.005}, "lighting": {"rms_log_radiance": 0.06}}, False),
        ({"shape": {"chamfer": 0.005}, "lighting": {"rms_log_radiance": 0.01}}, True),
        ({"shape": {"chamfer": float("nan")}}, False),
        ({"pose": {"angle": 0.9, "translation": 0.009}}, True),
        ({"pose": {"angle": 2.0, "translation": 0.0}}, False),
        ({"pose": {"angle": 0.0, "translation": 0.02}}, False),
    ],
)
def test_a_result_is_the_target_again_where_nothing_searched_differs(difference, again):
    assert target_again(difference) is again

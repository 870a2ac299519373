"""Names of classes in reasons, from the criterion's own messages and real networks."""

import numpy as np
import pytest

from mrd.criterion.class_names import score_with_class_names, with_class_names
from mrd.criterion.criterion import MEASURES, judge
from mrd.models import registry
from mrd.study.model_section import ModelConfig

NAMES = ("sun", "moon, earth's moon", "star")


def failed(labels_target, label):
    """Return the reason of the criterion for a result of class `label` with match .5."""

    def each(values):
        return {name: np.asarray(values) for name in MEASURES}

    verdict = judge(
        ["c0"], each([0.5]), each([[0.0], [0.1]]), each([[1.0]]), 0.9,
        labels_target=np.asarray(labels_target)[:, None], labels_result=[label],
    )  # fmt: skip
    return verdict.judgements[0].failed


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (NAMES, "class 1 (moon) is not the target's 2 (star)"),
        (NAMES[:2], "class 1 (moon) is not the target's 2"),
        ((), "class 1 is not the target's 2"),
    ],
)
def test_classes_of_a_reason_are_named(names, text):
    reason = failed([2, 2], 1)
    assert with_class_names(reason, names).endswith(f"is below 0.9; {text}")
    assert with_class_names("match 1.0 is below 0.9", names) == "match 1.0 is below 0.9"


def test_the_record_of_a_run_has_the_names():
    camera = {"camera": "c0", "failed": failed([2, 2], 1)}
    score = {
        "training": {"metamer": False, "cameras": [camera]},
        "held_out": {"cameras": []},
        "flip": {"cameras": [{"label": 0}, {"label": 7}]},
    }
    named = score_with_class_names(score, NAMES)
    assert "(moon)" in named["training"]["cameras"][0]["failed"]
    assert named["training"]["metamer"] is False
    assert [each["label_name"] for each in named["flip"]["cameras"]] == ["sun", ""]
    assert "(moon)" not in camera["failed"]


def test_networks_know_their_names():
    trained = registry.create(ModelConfig(network="efficientnet_lite0"))
    assert with_class_names("class 400 is not the target's 602", trained.class_names) == (
        "class 400 (academic gown) is not the target's 602 (horizontal bar)"
    )
    untrained = ModelConfig(network="efficientnet_lite0", weights="none", layers=("head",))
    assert registry.create(untrained).class_names == ()
    assert registry.create(ModelConfig(network="pixels")).class_names == ()

"""Verdicts on the stored images, compared with those of the searches."""

import pytest

from stimuli.model_results import ModelResults
from stimuli.second_judgement import COLUMNS, FAILED_CAMERAS, in_words, second_judgement
from stimuli.stimulus_set import StimulusSet
from stimuli.summary import summary
from tests.small_set import small_parts, write_small_set

OWN = "early;late"  # layers of the small set's searches, with the model `net`
MATERIAL, SHAPE = "vase-material-net-s1", "vase-shape-net-s1"


def cameras(run, failed, *, layers=OWN, light="own", again=False, role="result"):
    """Verdicts on a result: two training cameras (`failed` at the second), and a held-out one."""
    metamer = not failed and not again
    common = {"run": run, "role": role, "layers": layers, "light": light, "target_again": again}
    reasons = {"c0": "", "c1": failed}
    return [
        *(
            common | {"camera": camera, "held_out": False, "metamer": metamer}
            | {"passed": not reason, "failed": reason}
            for camera, reason in reasons.items()
        ),
        common | {"camera": "h0", "held_out": True, "metamer": False}
        | {"passed": False, "failed": "match 0.1 is below 0.9"},
    ]  # fmt: skip


@pytest.fixture
def with_verdicts(tmp_path):
    """Write the small set (its results are metamers) with verdicts of some models; give it open."""

    def with_verdicts(**verdicts):
        models = {
            model: ModelResults({"network": model}, {}, {"vase-shape": rows})
            for model, rows in verdicts.items()
        }
        return StimulusSet(write_small_set(tmp_path / "s.h5", models=models))

    return with_verdicts


def test_a_result_that_is_no_metamer_any_more_is_named(with_verdicts):
    rows = [*cameras(SHAPE, "match 0.850 is below 0.9"), *cameras(MATERIAL, "")]
    rows += cameras(SHAPE, "match 0.850 is below 0.9", role="series")
    with with_verdicts(net=rows) as stimuli:
        found = second_judgement(stimuli, "net")
        shown = summary(stimuli)
    assert list(found) == list(COLUMNS)
    assert found.to_numpy().tolist() == [
        [SHAPE, OWN, "own", True, True, False, "c1: match 0.850 is below 0.9", "c0, c1", ""],
        [MATERIAL, OWN, "own", True, True, True, "", "c0, c1", ""],
    ]
    lines = [
        "metamers on the stored images: 1 of 2 results of its own searches",
        f"not a metamer any more: {SHAPE}: c1: match 0.850 is below 0.9",
    ]
    assert in_words(found) == lines
    assert shown["verdicts of net"].splitlines() == lines


def test_a_result_can_become_a_metamer_or_the_target(with_verdicts):
    with with_verdicts(net=[*cameras(SHAPE, "", again=True), *cameras(MATERIAL, "")]) as stimuli:
        found = second_judgement(stimuli, "net")
    assert in_words(found)[1:] == [f"not a metamer any more: {SHAPE}: it is the target again"]
    found["before"] = [False, False]
    assert in_words(found)[1:] == [
        f"a metamer at the set's cameras (c0, c1), but not at the end of its search: {MATERIAL}"
    ]


@pytest.mark.parametrize("merged", [False, True])
def test_a_search_that_failed_at_a_camera_outside_the_set_is_named(tmp_path, merged):
    """The set holds c0 and c1; the searches also used c2, where both failed."""
    table = small_parts()[0]
    table.loc[table["role"] == "result", "verdict"] = "result"
    failed = {SHAPE: {"c1": "below", "c2": "match 0.850 is below 0.9"}, MATERIAL: {"c1": "below"}}
    provenance = {FAILED_CAMERAS: failed}
    path = write_small_set(
        tmp_path / "s.h5",
        table=table,
        provenance={"merged": [{"provenance": provenance}]} if merged else provenance,
        models={
            "net": ModelResults(
                {"network": "net"},
                {},
                {"vase-shape": [*cameras(SHAPE, ""), *cameras(MATERIAL, "")]},
            )
        },
    )
    with StimulusSet(path) as stimuli:
        found = second_judgement(stimuli, "net")
        shown = summary(stimuli)["verdicts of net"]
    assert found["outside"].tolist() == ["c2: match 0.850 is below 0.9", ""]
    start = "a metamer at the set's cameras (c0, c1), but not at the end of its search"
    assert shown.splitlines()[1:] == [
        f"{start}: {SHAPE}: it failed at cameras that are not in the set: "
        "c2: match 0.850 is below 0.9",
        f"{start}: {MATERIAL}",
    ]


def test_other_models_layers_and_lights_are_only_counted(with_verdicts):
    rows = [*cameras(SHAPE, "", layers="late"), *cameras(SHAPE, "x"), *cameras(MATERIAL, "")]
    rows += cameras(SHAPE, "x", light="studio")
    with with_verdicts(net=rows, other=[*cameras(SHAPE, "x"), *cameras(MATERIAL, "")]) as stimuli:
        assert in_words(second_judgement(stimuli, "other")) == [
            "metamers on the stored images: 1 of 2 other results"
        ]
        assert in_words(second_judgement(stimuli, "net")) == [
            "metamers on the stored images (layers late, light own): 1 of 1 other results",
            "metamers on the stored images (layers early;late, light own): 1 of 2 results of its "
            "own searches",
            f"not a metamer any more: {SHAPE}: c1: x",
            "metamers on the stored images (layers early;late, light studio): 0 of 1 results of "
            "its own searches",
        ]


def test_without_verdicts_there_are_no_lines(small_set):
    with StimulusSet(small_set) as stimuli:
        found = second_judgement(stimuli, "net")
        assert list(found) == list(COLUMNS)
        assert in_words(found) == []
        assert not any(name.startswith("verdicts") for name in summary(stimuli))

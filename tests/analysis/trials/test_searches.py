"""Where searches end, and what their verdicts are."""

import pandas as pd
import pytest

from analysis.trials import searches
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study


@pytest.fixture
def images(small_set):
    with StimulusSet(small_set) as stimuli:
        return stimuli.table


def verdict_of(metamer, **changes):
    """Rows of a verdict on the stored images, a row a camera."""
    row = {"run": "vase-shape-net-s1", "role": "result", "layers": "early;late", "light": "own",
           "held_out": False, "metamer": metamer}  # fmt: skip
    return pd.DataFrame([row | changes] * 2)


def of_shape(images, *found):
    rows = pd.concat(found) if found else pd.DataFrame()
    return searches.list_searches(images, {"net": rows}).set_index("run").loc["vase-shape-net-s1"]


def test_results_end_where_their_kind_of_series_says(tmp_path):
    with StimulusSet(simulated_study.write(tmp_path)) as stimuli:
        rows = searches.read_searches(stimuli).set_index("run")
    assert dict(rows["end"]) == {
        "bunny-shape-shapely-s1": 0.1,
        "bunny-material-shapely-s1": 1.0,
        "vase-shape-shapely-s1": 0.1,
        "vase-material-shapely-s1": 1.0,
    }
    assert set(rows.loc[rows["attribute"] == "shape", "unit"]) == {"chamfer"}
    assert rows.loc["vase-shape-shapely-s1", "verdict"] == "result"
    assert (rows["on_stored"] == "not judged").all()


@pytest.mark.parametrize(("kind", "end"), [("interpolation", 1.0), ("trajectory", 0.5)])
def test_pixel_searches_end_without_a_role_of_their_own(images, kind, end):
    pixel = images["role"] == "pixel"
    kinds = images["series_kind"].where(~pixel, kind)
    rows = searches.list_searches(images.assign(series_kind=kinds), {})
    pixels = rows[rows["model"] == "pixels"]
    assert list(pixels["end"]) == [end, end]
    assert list(pixels["verdict"]) == ["pixel", "pixel"]


def test_stored_images_can_only_take_a_verdict_away(images):
    assert of_shape(images)["verdict"] == "metamer"
    assert of_shape(images, verdict_of(True))["on_stored"] == "metamer"
    failed = of_shape(images, verdict_of(True), verdict_of(False, light="dim"))
    assert (failed["by_search"], failed["on_stored"], failed["verdict"]) == (
        "metamer", "result", "result",
    )  # fmt: skip
    refused = images.assign(verdict=images["verdict"].replace("metamer", "result"))
    assert of_shape(refused, verdict_of(True))["verdict"] == "result"


def test_held_out_cameras_and_other_layers_have_verdicts_of_their_own(images):
    row = of_shape(images, verdict_of(True), verdict_of(False, held_out=True))
    assert (row["held_out"], row["verdict"]) == ("result", "metamer")
    assert of_shape(images, verdict_of(False, layers="early"))["on_stored"] == "not judged"
    assert of_shape(images, verdict_of(False, role="series"))["on_stored"] == "not judged"


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        (["applies", "not applicable: …"], "applies at 1 of 2 cameras"),
        (["applies", "applies"], "applies at 2 of 2 cameras"),
        (["not applicable: no classes"] * 2, "not applicable: no classes"),
        ([None, None], ""),
    ],
)
def test_the_class_rule_of_a_result_is_listed(images, rules, text):
    elsewhere = verdict_of(True, light="dim").assign(class_rule="applies")
    found = of_shape(images, verdict_of(True).assign(class_rule=rules), elsewhere)
    assert found["class_rule"] == text
    assert of_shape(images, verdict_of(True))["class_rule"] == ""  # of an earlier version


def test_a_session_knows_levels_to_nine_digits():
    known = pd.DataFrame({"run": ["a"], "end": [1 / 3], "verdict": ["metamer"], "unit": ["angle"]})
    trials = pd.DataFrame({"run": "a", "level": [0.333333333, 0.33334, 1.0]})
    assert list(searches.add_searches(trials, known)["at_result"]) == [True, False, False]

"""Reaches and predicted thresholds with people's: ratios by hand, bounds as bounds."""

import numpy as np
import pandas as pd
import pytest

from analysis.config import AnalysisConfig
from analysis.findings import physical_thresholds, predicted_thresholds, reaches
from scenes.arrays import Picture
from scenes.base.errors import InputError
from scenes.material import Material
from stimuli.findings import Findings, material_change, predicted_table, reach_table
from stimuli.stimulus_set import StimulusSet
from tests import simulated_study
from tests.small_set import write_small_set

CONFIG = AnalysisConfig(overdispersion=False)
MATERIAL = "bunny-material-shapely-s1"


@pytest.fixture(scope="module")
def starts():
    return reach_table(simulated_study.findings().reach)


@pytest.fixture(scope="module")
def predictions():
    return predicted_table(simulated_study.findings().predicted_thresholds)


def measured(keys, values, state="measured"):
    """Give the table of people's thresholds of one row: 0.5, from 0.4 to 0.625."""
    numbers = {"people_threshold": 0.5, "people_threshold_low": 0.4, "people_threshold_high": 0.625}
    made = pd.DataFrame([dict(zip(keys, values, strict=True)) | numbers])
    return made.assign(people_measurable=state).set_index(list(keys))


def searches(starts):
    runs = starts["run"].unique()
    return pd.DataFrame({"run": runs, "verdict": ["metamer", "metamer", "result"]})


def test_reach_is_divided_by_control_and_people(starts):
    made = reaches.table(starts, measured(["run"], [MATERIAL]), searches(starts)).set_index("run")
    row = made.loc[MATERIAL]
    assert (row["starts"], row["passed"]) == (3, 2)
    assert row["over_control"] == 1.0 / 0.25
    assert [row[f"over_people{end}"] for end in ("", "_low", "_high")] == [2.0, 1.6, 2.5]
    assert row["reading"] == (
        "at least 4 × the reach of a random change; at least 2 × people's threshold"
    )
    unbounded = made.loc["vase-material-shapely-s1"]
    assert not unbounded["control_bounded"]
    assert unbounded["reading"] == (
        "about 4 × the reach of a random change, which is a lower bound too; people were not shown "
        "this series"
    )
    nothing = made.loc["vase-shape-shapely-s1"]
    assert np.isnan(nothing["reach"])
    assert nothing["reading"] == "nothing passed the criterion"


def test_a_headline_needs_a_metamer_and_limits_beyond_people(starts):
    people = measured(["run"], [MATERIAL])
    made = reaches.table(starts, people, searches(starts))
    assert reaches.headlines(made) == [
        "bunny: metamers of shapely reach at least 1.6 times as far as people's threshold for "
        "material (95 %)"
    ]
    assert reaches.headlines(made.assign(verdict="result")) == []
    near = reaches.table(starts, people.assign(people_threshold_high=1.2), searches(starts))
    assert reaches.headlines(near) == []
    assert reaches.headlines(reaches.table(starts, pd.DataFrame(), searches(starts))) == []


def test_predictions_are_joined_with_measured_thresholds(predictions):
    people = measured(["target", "attribute"], ["bunny", "material"])
    made = predicted_thresholds.table(predictions, people).set_index("parameter")
    assert made.loc["roughness", "people_over_predicted"] == pytest.approx(0.5 / 0.03)
    assert made["noisy"].to_dict() == {"metallic": True, "roughness": False, "shape.mode1": False}
    assert np.isinf(made.loc["shape.mode1", "distance"])
    assert made.loc["shape.mode1", "people_measurable"] == "not asked"
    assert (made["people_control_measurable"] == "not asked").all()


def test_group_thresholds_are_physical_distances(trials):
    kept = trials[trials["phase"] == "main"]
    kept = kept[kept["observer"].isin(["01", "02"]) & (kept["target"] == "bunny")]
    found = physical_thresholds.group_thresholds(kept, ["target", "attribute"], CONFIG)
    assert set(found.index) == {("bunny", "shape"), ("bunny", "material")}
    # Twice the distances are twice the threshold, on the same levels.
    material = kept[(kept["attribute"] == "material") & (kept["role"] == "result")]
    far = material.assign(physical_distance=2 * material["physical_distance"])
    other = physical_thresholds.group_thresholds(far, ["target", "attribute"], CONFIG)
    row = ("bunny", "material")
    for end in ("low", "high"):
        here, there = (each.loc[row, f"people_threshold_{end}"] for each in (found, other))
        assert there == pytest.approx(2 * here, rel=0.04)  # a step of the grid is 3.5 %
    assert "people_control_threshold" in found


def test_curve_that_is_no_function_of_log_distance_is_refused(trials):
    with pytest.raises(InputError, match="need a curve on log x"):
        physical_thresholds.group_thresholds(
            trials[trials["phase"] == "main"], ["run"], CONFIG.model_copy(update={"curve": "norm"})
        )


def test_a_threshold_along_a_change_is_a_fraction_of_it():
    assert predicted_thresholds.threshold_along(np.diag([4.0, 9.0]), np.array([3.0, 0.0])) == 1 / 6
    assert predicted_thresholds.threshold_along(np.zeros((2, 2)), np.ones(2)) == np.inf


PARAMETERS = [
    {"name": name, "attribute": "lighting" if name.startswith("light") else "material"}
    for name in ("base_color.green", "roughness", "light.level")
]


def test_change_of_materials_in_the_predicted_parameters():
    start = Material(base_color=(0.5, 0.2, 0.5), roughness=0.5)
    end = Material(base_color=(0.5, 0.3, 0.5), roughness=0.3)
    found = material_change(start, end, PARAMETERS)
    assert found == pytest.approx([0.1, -0.2, 0.0])
    more = end.model_copy(update={"metallic": 0.1})
    assert material_change(start, more, PARAMETERS) is None  # without a prediction
    texture = end.model_copy(update={"roughness": Picture(np.full((2, 4, 1), 0.3, np.float32))})
    assert material_change(start, texture, PARAMETERS) is None


def test_a_prediction_along_a_series_is_in_its_own_direction(tmp_path):
    """Ends are .4 away; the first channel of the colour has changed by a known amount."""
    names = {"study": "small", "target": "vase", "model": "net"}
    red = {
        "name": "base_color.red", "attribute": "material", "unit": "", "threshold": 0.1,
        "distance": 0.2, "measure": "rms_log_reflectance", "agreement": 0.9, "clipped": False,
    }  # fmt: skip
    fisher = dict.fromkeys(("rerenders", "samples", "derivative_samples", "floor"), 1)
    record = {
        "names": names, "layers": ["early"], "cameras": ["c0"], "asked": {"fisher": fisher},
        "parameters": [red], "fisher_information": [[100.0]], "sha256": "a" * 64,
    }  # fmt: skip
    path = write_small_set(tmp_path / "stimuli.h5", findings=Findings({"one": record}))
    with StimulusSet(path) as stimuli:
        rows = predicted_thresholds.along_series(stimuli).set_index("parameter")
        images = stimuli.table
        result = images[(images["role"] == "result") & (images["family"] == "vase-material")]
        shade = stimuli.scene(result["stimulus_id"].iloc[0]).material.base_color[0]
    assert set(rows.index) == {"series net-material-s1", "control net-material-s1"}
    share = 0.1 / abs(shade - 0.5)
    assert rows.loc["series net-material-s1", "threshold"] == pytest.approx(share)
    assert rows.loc["series net-material-s1", "distance"] == pytest.approx(share * 0.4)

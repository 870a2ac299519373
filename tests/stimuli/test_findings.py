"""Predicted thresholds and reaches in a set, which are no part of its content."""

import shutil

import h5py
import numpy as np
import pytest

from scenes.base.errors import InputError
from stimuli.check import problems
from stimuli.comparison import differences
from stimuli.findings import Findings
from stimuli.merging import merge
from stimuli.recoveries import recoveries
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import seal
from stimuli.summary import summary
from stimuli.writing import replace_findings
from tests.small_set import write_small_set

RUN, NAME = "vase-material-net-s1", "vase-net-01234567"
PREDICTED = {
    "names": {"study": "small", "target": "vase", "model": "net"},
    "layers": ["early", "late"],
    "cameras": ["c0", "c1"],
    "asked": {"fisher": {"rerenders": 8, "samples": 144, "derivative_samples": 256, "floor": 0.1}},
    "parameters": [
        {"name": "roughness", "attribute": "material", "unit": "of its range, 0 to 1",
         "threshold": 0.02, "distance": 0.05, "measure": "rms_log_reflectance", "agreement": 0.9,
         "clipped": False},
        {"name": "light.level", "attribute": "lighting", "unit": "natural log units",
         "threshold": None, "distance": None, "measure": "rms_log_radiance", "agreement": None,
         "clipped": True},
    ],
    "fisher_information": [[2500.0, 0.0], [0.0, 0.0]],
    "sha256": "a" * 64,
}  # fmt: skip
REACHED = {
    "target": "vase", "model": "net", "layer": "early;late", "attribute": "material",
    "sha256": "b" * 64,
    "reach": {
        "distance": 0.4, "measure": "rms_log_reflectance", "bound": "lower",
        "starts": [
            {"distance": 0.4, "match": 0.95, "verdict": "metamer"},
            {"distance": None, "match": None, "verdict": "nothing alike was kept"},
        ],
        "control": {"distance": 0.1, "match": 0.93, "failed_at": 0.11, "judged": 10},
    },
}  # fmt: skip
WARNED = {"warnings": ["the mesh intersects itself (5% of its faces)"], "sha256": "b" * 64}
RECOVERED = {
    "target": "vase", "search": "material", "model": "net", "layer": "early;late",
    "attribute": "material", "verdict": "recovered", "sha256": "d" * 64,
    "recovery": {
        "recovered": True,
        "errors": {"material": {"rms_log_reflectance": 0.01, "roughness": None}},
        "units": {"material": {"rms_log_reflectance": "log units"}},
    },
}  # fmt: skip
ELSEWHERE = "vase-material-net-s2"  # a run of the set's target that is not in the set
FINDINGS = Findings({NAME: PREDICTED}, {RUN: REACHED}, {ELSEWHERE: RECOVERED}, {RUN: WARNED})


@pytest.fixture(scope="module")
def holding(tmp_path_factory):
    """Give a set with findings; not to be changed."""
    return write_small_set(tmp_path_factory.mktemp("set") / "stimuli.h5", findings=FINDINGS)


def test_findings_are_read_as_written(holding, small_set):
    assert problems(holding) == []
    with StimulusSet(holding) as stimuli, StimulusSet(small_set) as without:
        assert stimuli.findings == FINDINGS
        assert stimuli.content_hash == without.content_hash
        assert summary(stimuli)["predicted thresholds"] == NAME
        assert summary(stimuli)["reach"] == summary(stimuli)["warnings"] == RUN
        assert without.findings == Findings()
        assert len(without.predicted_thresholds()) == len(without.reach()) == 0
        assert "reach" not in summary(without)
        assert recoveries(without).empty


def test_recovery_is_stored_for_runs_that_are_not_in_the_set(holding):
    assert problems(holding) == []
    with StimulusSet(holding) as stimuli:
        assert ELSEWHERE not in set(stimuli.table["run"])
        rows = recoveries(stimuli)
    assert rows["run"].tolist() == [ELSEWHERE] * 2
    assert rows["outcome"].tolist() == ["recovered"] * 2
    assert rows["measure"].tolist() == ["rms_log_reflectance", "roughness"]
    assert rows["unit"].tolist() == ["log units", ""]
    assert rows["error"][0] == 0.01
    assert np.isnan(rows["error"][1])


def test_findings_as_tables(holding):
    with StimulusSet(holding) as stimuli:
        predicted, reach = stimuli.predicted_thresholds(), stimuli.reach()
    assert predicted["parameter"].tolist() == ["roughness", "light.level"]
    assert predicted["threshold"].tolist() == [0.02, np.inf]  # no response
    assert predicted["distance"].tolist() == [0.05, np.inf]
    assert predicted["layer"].unique().tolist() == ["early;late"]
    assert predicted["record_sha256"].unique().tolist() == ["a" * 64]
    assert reach["reach"].tolist() == [0.4, 0.4]  # a row a start
    assert reach["control_reach"].tolist() == [0.1, 0.1]
    assert reach["verdict"].tolist() == ["metamer", "nothing alike was kept"]
    assert np.isnan(reach["distance"][1])


def test_replacing_one_kind_keeps_the_other(holding, tmp_path):
    path = shutil.copy(holding, tmp_path / "stimuli.h5")
    with StimulusSet(path) as stimuli:
        expected = stimuli.content_hash
        models = stimuli.models
    replace_findings(path, "predicted_thresholds", {"vase-net-89abcdef": PREDICTED}, expected)
    assert problems(path) == []
    with StimulusSet(path) as stimuli:
        assert list(stimuli.findings.predicted_thresholds) == ["vase-net-89abcdef"]
        assert stimuli.findings.reach == FINDINGS.reach
        assert stimuli.findings.warnings == FINDINGS.warnings
        assert stimuli.models == models
    with pytest.raises(InputError, match=r"reach are of 000000000000: the file was replaced by"):
        replace_findings(path, "reach", {}, "0" * 64)


def test_altered_and_unrelated_records_are_found(holding, tmp_path):
    path = shutil.copy(holding, tmp_path / "stimuli.h5")
    with StimulusSet(path) as stimuli:
        expected = stimuli.content_hash
    replace_findings(path, "reach", {"nobody": REACHED}, expected)
    replace_findings(path, "warnings", {"nobody": WARNED}, expected)
    with h5py.File(path, "r+") as file:
        file[f"predicted_thresholds/{NAME}"].attrs["content_hash"] = "0" * 64
    seal(path)
    found = problems(path)
    assert len(found) == 3
    assert f"predicted_thresholds/{NAME}: attribute content_hash: is not that of" in found[0]
    # The order of the last two is not fixed.
    for kind in ("reach", "warnings"):
        assert any(f"{kind}/nobody: no stimulus is of that run" in each for each in found[1:])


def test_a_damaged_record_is_named(holding, tmp_path):
    path = shutil.copy(holding, tmp_path / "stimuli.h5")
    with h5py.File(path, "r+") as file:
        del file[f"reach/{RUN}"]
        file["reach"].create_dataset(RUN, data="{")
    seal(path)
    assert f"reach/{RUN}: cannot be read" in problems(path)[0]


def test_sets_are_compared_and_merged_with_them(holding, small_set, tmp_path):
    with StimulusSet(holding) as one, StimulusSet(small_set) as other:
        assert differences(one, other) == [
            f"predicted_thresholds/{NAME}: only in {holding}", f"reach/{RUN}: only in {holding}",
            f"recovery/{ELSEWHERE}: only in {holding}",
            f"warnings/{RUN}: only in {holding}",
        ]  # fmt: skip
    merge([small_set, holding], tmp_path / "merged.h5")
    with StimulusSet(tmp_path / "merged.h5") as merged:
        assert merged.findings == FINDINGS
    another = shutil.copy(holding, tmp_path / "another.h5")
    with StimulusSet(another) as stimuli:
        expected = stimuli.content_hash
    replace_findings(another, "reach", {RUN: REACHED | {"sha256": "c" * 64}}, expected)
    with StimulusSet(holding) as one, StimulusSet(another) as other:
        assert differences(one, other) == [f"reach/{RUN}: differs"]
    with pytest.raises(InputError, match=rf"reach/{RUN}: differs from an earlier set"):
        merge([holding, another], tmp_path / "none.h5")


def test_only_findings_of_the_table_are_kept(holding):
    with StimulusSet(holding) as stimuli:
        table = stimuli.table
    elsewhere = {**PREDICTED, "names": {**PREDICTED["names"], "target": "cup"}}
    of_cup = {ELSEWHERE: RECOVERED, "cup-net-s1": RECOVERED | {"target": "cup"}}
    both = Findings(
        {NAME: PREDICTED, "cup": elsewhere},
        {RUN: REACHED, "nobody": REACHED},
        of_cup,
        {RUN: WARNED, "nobody": WARNED},
    )
    assert both.of(table) == FINDINGS

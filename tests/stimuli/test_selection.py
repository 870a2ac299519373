"""Which runs become stimuli, by the table of their records."""

import pytest

from stimuli.intake import frame, read_records
from stimuli.selection import selected

SHAPE = "vase-shape"


@pytest.fixture(scope="module")
def records(written_runs):
    """Give the records of the small set's runs, not to be changed."""
    tables = sorted(written_runs.rglob("records.csv"))
    return frame([record for path in tables for record in read_records(path)])


def names(refusals):
    return {each.name: each.reason for each in refusals}


def test_complete_runs_are_taken(records):
    table, refusals = selected(records, "metamers")
    assert refusals == []
    assert len(table) == 168


def test_a_result_that_is_no_metamer_is_left_out_unless_all_are_accepted(records):
    failed = (records["run"] == f"{SHAPE}-net-s1") & records["role"].isin(("series", "result"))
    changed = records.assign(verdict=records["verdict"].mask(failed, "result"))
    table, refusals = selected(changed, "metamers")
    assert names(refusals) == {
        f"{SHAPE}-net-s1": "its result is not a metamer (stimuli.accept: all takes it)",
        SHAPE: "none of its runs is taken",
    }
    assert set(table["family"]) == {"vase-material"}
    table, refusals = selected(changed, "all")
    assert refusals == []
    assert set(table.loc[table["role"] == "result", "verdict"]) == {"metamer", "result"}


@pytest.mark.parametrize(
    ("lost", "reason"),
    [
        ({"run": f"{SHAPE}-net-s1", "level_index": 1}, "its series lacks a level"),
        (
            {"run": f"{SHAPE}-net-s1", "role": "control", "camera": "c1", "noise_seed": 2},
            "its control lacks images at level 1",
        ),
        ({"role": "rerender"}, "its target or re-rendered target lacks images"),
        ({"role": "target"}, "its target's images are missing"),
        ({"noise_seed": [0, 3]}, "has 2 noise seeds"),
        (
            {"role": "null", "level_index": 2, "camera": "h0"},
            "null scene 2 lacks images",
        ),
    ],
)
def test_incomplete_runs_and_families_are_left_out(records, lost, reason):
    gone = records["family"] == SHAPE
    for column, value in lost.items():
        gone &= records[column].isin(value if isinstance(value, list) else [value])
    table, refusals = selected(records[~gone], "metamers")
    assert any(reason in each.reason for each in refusals), refusals
    assert set(table["family"]) == {"vase-material"}

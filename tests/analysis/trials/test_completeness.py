"""Every participant has whatever is compared: conditions, series and controls; gaps are listed."""

import numpy as np
import pytest

from analysis.trials import completeness
from scenes.base.errors import InputError


@pytest.fixture(scope="module")
def main(trials):
    return trials[trials["phase"] == "main"].reset_index(drop=True)


def without(main, **cell):
    """All trials but those of a cell."""
    found = np.full(len(main), True)
    for column, value in cell.items():
        found &= (main[column] == value).to_numpy()
    assert found.any()
    return main[~found]


def test_whole_data_have_no_gap(main):
    completeness.check_complete(main, "data")
    assert completeness.list_gaps(main).empty


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            {"attribute": "material"},
            r"data: participant 02 has no trials of material, by shapely after exclusions \(2 of 4",
        ),
        ({"role": "result"}, r"material, by shapely \(role result\), shape, .* \(role result\)"),
        (
            {"role": "control", "attribute": "shape"},
            r"02 has no trials of shape, by shapely \(role control\) after .* \(3 of 4",
        ),
    ],
)
def test_a_participant_without(main, cell, message):
    with pytest.raises(InputError, match=message):
        completeness.check_complete(without(main, observer="02", **cell), "data")


def test_a_target_beside_its_rerender_is_no_trial_of_the_results(main):
    mine = (main["observer"] == "02") & (main["role"] == "result") & (main["level"] > 0)
    with pytest.raises(InputError, match=r"participant 02 has no trials of material.*role result"):
        completeness.check_complete(main[~mine], "data")


def test_controls_alone_of_everyone_are_complete(main):
    completeness.check_complete(main[main["role"] == "control"], "data")


def test_gaps_are_listed(main):
    few = without(main, observer="02", target="vase", role="result", attribute="shape")
    few = without(few, observer="03", target="bunny", role="control", level=0.4, attribute="shape")
    completeness.check_complete(few, "data")
    rows = completeness.list_gaps(few).to_dict("records")
    assert [(row["observer"], row["role"], row["target"]) for row in rows] == [
        ("02", "result", "vase"),
        ("03", "control", "bunny"),
    ]
    assert np.isnan(rows[0]["level"])
    assert rows[1]["level"] == 0.4


def test_every_level_that_is_missing_is_listed(main):
    few = main
    levels = sorted(set(main["level"][(main["role"] == "control") & (main["level"] > 0)]))[:2]
    for level in levels:
        few = without(few, observer="03", target="bunny", role="control", level=level)
    rows = completeness.list_gaps(few).to_dict("records")
    found = {(row["observer"], row["condition"], row["target"], row["level"]) for row in rows}
    conditions = set(main["condition"])
    assert found == {("03", each, "bunny", level) for each in conditions for level in levels}
    assert len(rows) == len(found)

"""``mrd fisher``: what is predicted, repeated, refused, and warned of."""

import json
import shutil
from contextlib import suppress

import numpy as np
import pytest

from mrd.cli.main import run
from mrd.measures.fisher.planned import planned
from mrd.study.study import read_study
from tests.small_study import write_study

BALL = {
    "shape": {"kind": "sphere", "subdivisions": 1},
    "material": {"roughness": 0.5},
    "film": {"exposure": 1.0},
    "cameras": {"kind": "single", "resolution": 8},
}
FISHER = {"rerenders": 8, "samples": 16, "derivative_samples": 16, "shape_modes": 0}


def write(folder, targets=("ball",), **settings):
    """Write the study with these targets, all alike, and changed settings."""
    return write_study(
        folder,
        targets=dict.fromkeys(targets, BALL),
        models={"own": {"network": "pixels"}},
        fisher=FISHER | settings,
    )


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """Give a study whose thresholds are predicted; not to be changed."""
    folder = write(tmp_path_factory.mktemp("study"))
    with suppress(SystemExit):
        run(["fisher", str(folder)])
    return folder


@pytest.fixture
def study(predicted, tmp_path):
    """Give a copy of it."""
    return shutil.copytree(predicted, tmp_path / "study")


def folders(study):
    return sorted((study / "runs" / "fisher").iterdir())


def outcome(mrd, study):
    """Return what the command prints about the ball; it must succeed."""
    code, out, err = mrd("fisher", study)
    assert (code, err) == (0, "")
    return next(line for line in out.splitlines() if line.startswith("ball, own: "))


@pytest.mark.parametrize(
    ("gone", "altered", "why"),
    [
        (["derivative.npz"], None, "gone: derivative.npz"),  # a record without its arrays
        (["fisher.json"], None, "gone: fisher.json"),  # and the reverse
        ([], "thresholds.png", "altered: thresholds.png"),
    ],
)
def test_an_incomplete_prediction_is_due(study, gone, altered, why):
    (each,) = planned(read_study(study))
    assert each.due() is None
    for name in gone:
        (each.folder / name).unlink()
    if altered:
        with (each.folder / altered).open("ab") as file:
            file.write(b"0")
    assert each.due() == why


def test_an_incomplete_prediction_is_repeated_with_its_reason(mrd, study):
    (folder,) = folders(study)
    before = json.loads((folder / "fisher.json").read_text())
    (folder / "fisher.json").unlink()
    assert outcome(mrd, study) == "ball, own: predicted again (gone: fisher.json)"
    after = json.loads((folder / "fisher.json").read_text())
    np.testing.assert_allclose(after["fisher_information"], before["fisher_information"], rtol=1e-3)
    assert outcome(mrd, study) == "ball, own: existed already"


def test_another_setting_is_another_prediction_and_the_reason_names_it(study):
    (each,) = planned(read_study(write(study, rerenders=9)))
    assert each.due() == "fisher.rerenders: 8 then, 9 now"
    assert each.folder not in folders(study)
    (each,) = planned(read_study(write(study)))  # the earlier prediction is still there
    assert each.due() is None


@pytest.mark.parametrize("damage", ["{", "[]", '{"asked": {}}', "\x00"])
def test_a_damaged_record_is_refused_before_anything_is_predicted(mrd, study, damage):
    """The new one of two targets is not predicted."""
    (folder,) = folders(study)
    (folder / "fisher.json").write_text(damage)
    write(study, targets=("a_ball", "ball"))
    code, out, err = mrd("fisher", study)
    assert (code, out) == (2, "")
    assert err.rstrip().count("\n") == 0
    assert (
        f"fisher.json: cannot be read; remove {folder}, and run mrd fisher to make it again" in err
    )
    assert folders(study) == [folder]


def test_noise_in_a_derivative_is_warned_of_every_time(mrd, study):
    (folder,) = folders(study)
    record = json.loads((folder / "fisher.json").read_text())
    (row,) = (each for each in record["parameters"] if each["name"] == "metallic")
    row["agreement"] = 0.25
    (folder / "fisher.json").write_text(json.dumps(record))
    lines = mrd("fisher", study)[1].splitlines()
    place = next(k for k, line in enumerate(lines) if line.startswith("  metallic: "))
    assert lines[place + 1] == (
        "  warning: metallic: two derivatives of independent noise agree by 0.25: the threshold is "
        "about 37% too small; raise fisher.derivative_samples from 16 toward 192"
    )

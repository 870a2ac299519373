"""``mrd fisher`` as a user meets it: what is made, made again, refused, and warned of."""

import json
import shutil
from contextlib import suppress

import numpy as np
import pytest

from mrd.cli.main import run
from mrd.measures.fisher.planned import planned
from mrd.study.study import read_study

STUDY = """
name: small
targets:
  ball:
    shape: {kind: sphere, subdivisions: 1}
    material: {roughness: 0.5}
    film: {exposure: 1.0}
    cameras: {kind: single, resolution: 8}
models: {own: {network: pixels}}
searches: {material: {attributes: [material]}}
fisher: {rerenders: 8, samples: 16, derivative_samples: 16, shape_modes: 0}
"""


@pytest.fixture(scope="module")
def predicted(tmp_path_factory):
    """Give a study whose thresholds are predicted; not to be changed."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "study.yaml").write_text(STUDY)
    with suppress(SystemExit):
        run(["fisher", str(folder)])
    return folder


@pytest.fixture
def study(predicted, tmp_path):
    """Give a copy of it."""
    return shutil.copytree(predicted, tmp_path / "study")


def folders(study):
    return sorted((study / "runs" / "fisher").iterdir())


def state(mrd, study):
    """What the command says of the ball; it ends well."""
    code, out, err = mrd("fisher", study)
    assert (code, err) == (0, "")
    return next(line for line in out.splitlines() if line.startswith("ball, own: "))


def test_what_is_there_is_made_once(mrd, study):
    assert state(mrd, study) == "ball, own: was there already"


@pytest.mark.parametrize(
    ("gone", "altered", "why"),
    [
        (["derivative.npz"], None, "gone: derivative.npz"),  # a record without its arrays
        (["fisher.json"], None, "gone: fisher.json"),  # and the reverse
        ([], "thresholds.png", "altered: thresholds.png"),
    ],
)
def test_what_is_not_whole_is_due(study, gone, altered, why):
    (each,) = planned(read_study(study))
    assert each.due() is None
    for name in gone:
        (each.folder / name).unlink()
    if altered:
        with (each.folder / altered).open("ab") as file:
            file.write(b"0")
    assert each.due() == why


def test_what_is_due_is_made_again_and_why_is_said(mrd, study):
    (folder,) = folders(study)
    before = json.loads((folder / "fisher.json").read_text())
    (folder / "fisher.json").unlink()
    assert state(mrd, study) == "ball, own: predicted again (gone: fisher.json)"
    after = json.loads((folder / "fisher.json").read_text())
    np.testing.assert_allclose(after["fisher_information"], before["fisher_information"], rtol=1e-3)
    assert state(mrd, study) == "ball, own: was there already"


def test_another_setting_is_another_prediction_and_is_named(mrd, study):
    (study / "study.yaml").write_text(STUDY.replace("rerenders: 8", "rerenders: 9"))
    assert state(mrd, study) == "ball, own: predicted again (fisher.rerenders: 8 then, 9 now)"
    assert len(folders(study)) == 2  # the earlier one stays, should the study go back to it
    (study / "study.yaml").write_text(STUDY)
    assert state(mrd, study) == "ball, own: was there already"


@pytest.mark.parametrize("damage", ["{", "[]", '{"asked": {}}', "\x00"])
def test_a_damaged_record_is_refused_before_anything_is_made(mrd, study, damage):
    """Of two targets, one new: it is not made."""
    (folder,) = folders(study)
    (folder / "fisher.json").write_text(damage)
    ball = STUDY[STUDY.index("  ball:") : STUDY.index("models:")]
    (study / "study.yaml").write_text(STUDY.replace(ball, ball.replace("ball", "a_ball") + ball))
    code, out, err = mrd("fisher", study)
    assert (code, out) == (2, "")
    assert err.rstrip().count("\n") == 0
    assert (
        f"fisher.json: cannot be read; remove {folder}, and run mrd fisher to make it again" in err
    )
    assert folders(study) == [folder]


def test_noise_in_a_derivative_is_warned_of_each_time(mrd, study):
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

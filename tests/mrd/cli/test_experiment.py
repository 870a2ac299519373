"""``mrd experiment`` and ``mrd calibrate`` without a window."""

import json
import subprocess
import sys

import pytest

from mrd.cli import calibrate
from psychophysics.data import data_set
from psychophysics.lab import calibration
from scenes.base.errors import how_to_install
from tests.paths import DATA, ROOT
from tests.psychophysics.studies import study_in

COMMANDS = """
import contextlib, io, json, sys
from mrd.cli.main import run
for words in json.loads(sys.argv[1]):
    error = io.StringIO()
    with contextlib.redirect_stderr(error), contextlib.redirect_stdout(io.StringIO()):
        try:
            run(words)
        except SystemExit as stopped:
            code = stopped.code
    print(json.dumps([code, error.getvalue()]))
"""


def test_a_missing_extra_is_named(base_install, small_set, tmp_path):
    """In the base install, a command that needs an extra names it in one line, and exits with 2."""
    folder = study_in(tmp_path, small_set)
    (tmp_path / "quest").mkdir()
    quest = study_in(tmp_path / "quest", small_set)
    text = (quest / "study.yaml").read_text()
    (quest / "study.yaml").write_text(text.replace("constant_stimuli", "quest_plus"))
    refused = {
        ("experiment", "run", folder, "--participant", "01"): ("psychopy", "lab"),
        ("experiment", "run", folder): ("psychopy", "lab"),
        ("experiment", "simulate", quest, "--observers", 1): ("questplus", "lab"),
        ("experiment", "power", folder, "--trials", 2, "--observers", 2): ("psignifit", "analysis"),
        ("experiment", "power", quest, "--trials", 2, "--observers", 2): ("psignifit", "analysis"),
        ("calibrate", folder, "--photometer", "LS100"): ("psychopy", "lab"),
        ("calibrate", folder, "--typed"): ("psychopy", "lab"),
        ("analyse", folder, "--simulated"): ("statsmodels", "analysis"),
    }
    words = json.dumps([list(map(str, command)) for command in refused])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, words],
        env=base_install, cwd=ROOT, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    for line, (library, extra) in zip(done.stdout.splitlines(), refused.values(), strict=True):
        code, error = json.loads(line)
        assert code == 2
        assert len(error.splitlines()) == 1
        assert f"{library} is not installed; {how_to_install(extra)}" in error
    assert not (folder / "data").exists()
    assert not (quest / "data-simulated").exists()


def test_sessions_of_models_are_labelled_and_separate_from_observers(mrd, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    simulate = ("experiment", "simulate", folder)
    assert mrd(*simulate, "--observers", 2)[0] == 0
    for layer in ("net:early", "net:late", "other:rows"):
        code, out, _ = mrd(*simulate, "--model", layer, "--observers", 1, "--noise", 0.01)
        assert code == 0
        assert out.startswith("1 sessions simulated, 0 existed already")
    code, out, _ = mrd(*simulate, "--model", "net:late", "--observers", 1, "--noise", 0.01)
    assert out.startswith("0 sessions simulated, 1 existed already")
    frame = data_set.read_sessions(folder / "data-simulated")
    kinds = frame.groupby("participant")["observer"].unique().map(list)
    assert kinds.tolist() == [["model"]] * 3 + [["simulated"]] * 2
    assert kinds.index[3:].tolist() == ["sim01", "sim02"]
    table = (folder / "data-simulated" / "participants.tsv").read_text().splitlines()
    assert [line.split("\t")[2] for line in table[1:]] == ["simulated"] * 2 + ["model"] * 3


def test_a_model_that_is_not_in_the_set_is_refused(mrd, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    code, _, err = mrd("experiment", "simulate", folder, "--model", "net")
    assert code == 2
    assert "--model net: write NAME:LAYER; the set has net:early; net:late; other:rows" in err
    code, _, err = mrd("experiment", "simulate", folder, "--model", "net:lat")
    assert code == 2
    assert "late" in err
    assert not (folder / "data-simulated").exists()


def test_a_lapse_rate_that_guessing_rules_out_is_refused(mrd, small_set, tmp_path):
    folder = study_in(tmp_path, small_set, task="match_to_sample", presentation="space")
    for more in ((), ("--model", "net:late")):
        code, _, err = mrd("experiment", "simulate", folder, "--lapse", 0.6, *more)
        assert code == 2
        assert "lapse 0.6: one minus the upper asymptote is from 0 to 0.5" in err
    assert not (folder / "data-simulated").exists()


def test_power_prints_the_width_of_intervals(mrd, small_set, tmp_path):
    """Two observers of 2 × 2 and of 30 × 2 trials above level 0: intervals shrink."""
    folder = study_in(tmp_path, small_set, task="match_to_sample", presentation="space")
    words = ("--trials", "2,30", "--observers", 2, "--threshold", 0.6, "--width", 1)
    code, out, err = mrd("experiment", "power", folder, *words)
    assert (code, err) == (0, "")
    few, many = (line.split() for line in out.splitlines()[1:])
    assert [row[:2] for row in (few, many)] == [["2", "6"], ["30", "90"]]
    assert many[-1].endswith("/2")
    assert not (folder / "data-simulated").exists()
    code, _, err = mrd("experiment", "power", folder, "--trials", "few")
    assert code == 2
    assert "--trials few: write whole numbers from 1 to 10000, such as 10,20,40" in err


def test_a_display_is_calibrated_from_a_file_of_readings(mrd, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    lines = ["gun,value,luminance"]
    for gun, top in (("red", 20), ("green", 70), ("blue", 9)):
        lines += [f"{gun},{v},{0.2 + top * (v / 255) ** 2.2:.5f}" for v in range(0, 256, 51)]
    readings = tmp_path / "readings.csv"
    readings.write_text("\n".join(lines))
    code, out, err = mrd("calibrate", folder, "--readings", readings)
    assert (code, err) == (0, "")
    assert "calibration.json: light is within" in out
    made = calibration.load(folder / "calibration.json")
    assert [gun.gamma for gun in made.guns] == pytest.approx([2.2] * 3, abs=1e-3)
    assert made.facts["instrument"] == "file readings.csv"
    readings.write_text("\n".join(lines[1:]))
    code, _, err = mrd("calibrate", folder, "--readings", readings)
    assert code == 2
    assert "readings.csv:1: 'red,0,0.20000' is not the header" in err


@pytest.mark.parametrize(
    ("file", "text"),
    [
        (
            "typo.csv:4",
            "red 128 is 44.9 cd/m², and the other readings of red give 4.49; correct",
        ),
        (
            "decreasing.csv:6",
            "red 255 is 5 cd/m², and the other readings of red give 20.1; ",
        ),
        ("scurve.csv:4", "red 128 is 4.49 cd/m², less than 9.5 at 64; correct one of the two"),
    ],
)
def test_wrong_readings_are_named_and_no_table_is_saved(file, text, mrd, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    readings = DATA / "calibration" / file.partition(":")[0]
    code, out, err = mrd("calibrate", folder, "--readings", readings)
    assert (code, out, len(err.splitlines())) == (2, "", 1)
    assert f"{file}: {text}" in err
    assert not (folder / "calibration.json").exists()


def test_new_readings_that_are_refused_are_kept(mrd, small_set, tmp_path, monkeypatch):
    """A typed reading ten times too bright: corrected in the file, the readings are accepted."""
    folder = study_in(tmp_path, small_set)
    taken = {
        gun: [(v, round(0.2 + top * (v / 255) ** 2.2, 3)) for v in (0, 64, 128, 192, 255)]
        for gun, top in (("red", 20), ("green", 70), ("blue", 9))
    }
    right = taken["green"][2][1]
    taken["green"][2] = (128, 10 * right)
    monkeypatch.setattr(calibrate, "_measure", lambda *_: taken)
    code, _, err = mrd("calibrate", folder, "--typed")
    kept = folder / "calibration.readings.csv"
    assert code == 2
    assert f"all readings are kept in {kept}: correct it" in err
    kept.write_text(kept.read_text().replace(f"green,128,{10 * right}", f"green,128,{right}"))
    code, out, err = mrd("calibrate", folder, "--readings", kept)
    assert (code, err) == (0, "")
    assert "readings are within" in out

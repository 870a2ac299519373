"""Real windows under Xvfb, real key presses from xdotool."""

import json
import subprocess
import time

import numpy as np
import pytest

from mrd.study.study import read_study
from psychophysics import experiment
from psychophysics.data import data_set, session_files
from psychophysics.lab import calibration
from psychophysics.lab.window import ask_participant
from psychophysics.observers import Psychometric, SimulatedObserver
from tests.psychophysics.lab import frame_by_frame, window_sessions
from tests.psychophysics.studies import change_study, study_in

KEY_NAMES = {"oddity": ["1", "2", "3"], "match_to_sample": ["left", "right"],
             "same_different": ["left", "right"]}  # fmt: skip
CHOICES = {"oddity": ["first", "second", "third"], "match_to_sample": ["left", "right"],
           "same_different": ["same", "different"]}  # fmt: skip


@pytest.mark.parametrize(
    ("task", "presentation", "keys"),
    [
        ("oddity", "time", ["1", "2", "3"]),
        ("match_to_sample", "space", ["Left", "Right"]),
        ("same_different", "space", ["Right", "Left"]),
    ],
)
def test_key_presses_are_recorded_at_their_times(
    task, presentation, keys, window_process, small_set, tmp_path
):
    folder = study_in(tmp_path, small_set, task, presentation, mask=0.05, trials=1)
    # Some while the images are on, some after them; some within one poll.
    plan = {"delays": [0.3, 0.05, 0.55], "keys": keys}
    outcome, pressed, _ = window_process.run(window_sessions.run_session, folder, plan)
    frame = data_set.read_sessions(folder / "data")
    assert outcome == (True, 3)
    names = [press["key"].lower() for press in pressed]
    assert frame["key"].astype(str).str.lower().tolist() == names
    expected = [CHOICES[task][KEY_NAMES[task].index(name)] for name in names]
    assert frame["response"].tolist() == expected
    assert (frame["correct"] == (frame["response"] == frame["correct_response"])).all()
    check_times(frame, task, presentation)
    check_response_times(frame, pressed)


def check_times(frame, task, presentation):
    """As planned, of .1 s each: fixation, images, then .05 s of mask and a blank; and measured."""
    onsets = [0.1, 0.35, 0.6] if presentation == "time" else [0.1, 0.1]
    onsets = [0.1, 0.35, 0.35] if task == "match_to_sample" else onsets
    for number, planned in enumerate(onsets, start=1):
        assert frame[f"planned_onset_{number}"].to_numpy() == pytest.approx(planned, abs=1e-6)
        assert frame[f"planned_duration_{number}"].to_numpy() == pytest.approx(0.1, abs=1e-6)
        in_time = frame[frame[f"dropped_{number}"] == 0]
        assert in_time[f"duration_{number}"].to_numpy() == pytest.approx(0.1, abs=4 / 60)
        assert (frame[f"onset_{number}"] > 0).all()


def check_response_times(frame, pressed):
    """xdotool sent each press between `before` and `after`."""
    for time_read, press in zip(frame["response_time"], pressed, strict=True):
        assert press["before"] - 0.020 <= time_read <= press["after"] + 0.020


def test_a_session_is_paused_ended_and_resumed(window_process, small_set, tmp_path):
    """With practice, feedback and breaks: Escape in the third trial ends the first sitting.

    In the second sitting it is paused and shown again; the fifth trial is not answered in time.
    """
    folder = study_in(tmp_path, small_set, more="feedback: true\n  rest_every: 2", trials=1)
    change_study(folder, {"{trials: 0}": "{trials: 2, rounds: 1}",
                         "interval: 0.2": "interval: 0.2, answer: 1.5"})  # fmt: skip
    plan = {"delays": [0.1], "keys": ["1", "2", "3"]}
    outcome, *_ = window_process.run(window_sessions.run_session, folder, plan | {"stop_in": [2]})
    assert outcome == (False, 2)
    (table,) = session_files.tables(folder / "data")
    before = table.read_bytes()
    plan |= {"pause_in": [0], "silent_in": [3]}
    outcome, *_ = window_process.run(window_sessions.run_session, folder, plan)
    assert outcome == (True, 5)
    after = data_set.read_sessions(folder / "data")
    assert before.count(b"\n") == 3
    assert table.read_bytes().startswith(before)
    assert after["trial"].tolist() == [1, 2, 3, 4, 5]
    assert after["phase"].tolist() == ["practice"] * 2 + ["main"] * 3
    assert after["sitting"].tolist() == [1] * 2 + [2] * 3
    assert after["response"].isna().tolist() == [False] * 4 + [True]
    assert after.iloc[4][["key", "response_time"]].isna().all()
    assert after["correct"][4] == 0
    assert after["showings"].tolist() == [1, 1, 2, 1, 1]
    sidecar = json.loads(table.with_suffix(".json").read_text())
    assert (sidecar["Finished"], sidecar["Intervals"]) == (True, 15)
    displays = [each["Display"] for each in sidecar["Sittings"]]
    assert [each["SoftwarePacer"] for each in displays] == [True, True]
    assert [each["Calibration"] for each in displays] == [None, None]


def test_a_french_keyboard_is_read_while_the_date_is_set(
    window_process, screen, small_set, tmp_path
):
    """Digits without Shift and of the number pad, while the date moves back and forth by an hour.

    Times and the intervals between trials are those of a monotonic clock.
    """
    keys = ["ampersand", "KP_Down", "quotedbl", "KP_1", "eacute", "KP_Next"]
    plan = {"keys": keys, "delays": [0.3], "dates": [-3600, -2, 3600],
            "try": ["ampersand", "KP_Next"]}  # fmt: skip
    subprocess.run(["setxkbmap", "fr"], env=screen, check=True)
    try:
        folder = study_in(tmp_path, small_set, mask=0.05)
        outcome, pressed, page = window_process.run(window_sessions.run_session, folder, plan)
    finally:
        subprocess.run(["setxkbmap", "us"], env=screen, check=True)
    assert outcome == (True, 6)
    moved = np.diff([press["date"] for press in pressed])
    assert np.round(moved / 3600).tolist() == [1, 1, -2, 1, 1]
    assert "1 ✓     2     3 ✓" in page
    frame = data_set.read_sessions(tmp_path / "data")
    assert frame["key"].astype(str).tolist() == ["1", "2", "3", "1", "2", "3"]
    check_times(frame, "oddity", "time")
    assert frame["onset"].is_monotonic_increasing
    assert 0 < frame["onset"].iloc[0] < frame["onset"].iloc[-1] < 120
    check_response_times(frame, pressed)


def test_images_are_pixel_exact(window_process, seed):
    window_process.run(window_sessions.check_pixels, seed)


def test_each_frame_of_a_trial_is_as_planned(window_process, small_set):
    """All layouts: stored images at their places and times, and the photodiode's patch."""
    window_process.run(frame_by_frame.check_all_layouts, small_set)


def two_sessions(folder):
    """Make two sessions: one is finished, the other began before the study was changed."""
    study = read_study(folder)
    asked = experiment.prepare(study.name, 1, study.experiment, folder / "stimuli.h5")
    follows = Psychometric(0.5, 1.0)
    for participant in ("01", "02"):
        seat = experiment.seat(asked, folder / "data", participant, "01", "person")
        experiment.run(
            asked, seat, folder / "data",
            lambda _, rng: SimulatedObserver(follows, asked.task, rng), {},
        )  # fmt: skip
    (sidecar,) = session_files.sidecars(folder / "data", ["02"])
    window_sessions.unfinish(sidecar, vary=["camera"])
    return folder


def test_errors_are_found_before_a_window_opens(window_process, small_set, tmp_path):
    def study(name, **words):
        (tmp_path / name).mkdir()
        return study_in(tmp_path / name, small_set, **words)

    plain = study("plain")
    keys = study("keys", more="keys: ['1', '2', lefft]")
    narrow = change_study(study("narrow", presentation="space"), {"[640, 480]": "[50, 480]"})
    small = change_study(study("small"), {"[640, 480]": "[240, 240]"})
    second = change_study(study("second"), {"full_screen: false": "screen: 2"})
    full = study("full")
    (full / "data").write_text("not a folder")
    done = two_sessions(study("done"))
    run, participant = ("experiment", "run"), ("--participant", "01")
    errors = {
        (*run, plain, *participant): "this display is not calibrated; run mrd calibrate STUDY",
        (*run, plain, "--participant", "a b", "--uncalibrated"): "participant 'a b': use 1 to 32",
        (*run, keys, *participant, "--uncalibrated"): (
            "experiment.keys: no key is called 'lefft'; did you mean 'left'?"
        ),
        (*run, narrow, *participant): "50 × 480, and a trial needs 56 × 16 (images are never",
        (*run, small, *participant): "240 × 240, and the test card that checks the window needs",
        (*run, second, *participant): "there is no screen 2; this computer has 1 (0: 1024 × 768)",
        ("calibrate", second, "--typed"): "there is no screen 2; this computer has 1",
        (*run, full, *participant, "--uncalibrated"): "data: cannot be written",
        (*run, done, *participant, "--uncalibrated"): "this session is finished; start another",
        (*run, done, "--participant", "02", "--uncalibrated"): "begun with another Experiment",
        ("calibrate", plain, "--photometer", "LS100"): "no photometer 'LS100' answers",
        ("calibrate", plain): "choose one of --photometer NAME, --typed and --readings FILE",
    }
    for command, text in errors.items():
        code, said = window_process.mrd(*command)
        assert code == 2
        *remarks, error = said.splitlines()
        assert text in error
        assert all("holds sessions of another experiment" in each for each in remarks)
    assert not (plain / "data").exists()


def test_a_session_of_another_set_is_an_error_before_a_window_opens(
    window_process, small_set, tmp_path
):
    """One line, exit code 2, and no participant is entered."""
    folder = two_sessions(study_in(tmp_path, small_set))
    sidecars = list(session_files.sidecars(folder / "data"))
    for path in sidecars:
        content = json.loads(path.read_text())
        content["Session"]["StimulusSet"] = "0" * 64
        path.write_text(json.dumps(content))
    table = (folder / "data" / "participants.tsv").read_bytes()
    words = ("--participant", "03", "--uncalibrated", "--pace", "--window")
    code, said = window_process.mrd("experiment", "run", folder, *words)
    assert code == 2
    assert "holds sessions of stimulus set 000000000000 (2, " in said.splitlines()[-1]
    assert (folder / "data" / "participants.tsv").read_bytes() == table
    assert list(session_files.sidecars(folder / "data")) == sidecars


def test_escape_sequences_in_sidecars_do_not_reach_the_terminal(
    window_process, small_set, tmp_path
):
    """They are printed as escapes; the session is finished, so no window opens."""
    folder = two_sessions(study_in(tmp_path, small_set))
    (path,) = session_files.sidecars(folder / "data", ["02"])
    window_sessions.unfinish(path, cameras="\x1b[2J\u202e")
    words = ("--participant", "01", "--uncalibrated", "--pace", "--window")
    code, said = window_process.mrd("experiment", "run", folder, *words)
    assert code == 2
    assert r"cameras: \x1b[2J\u202e in those, training in this one" in said
    assert "\x1b[2J" not in said


def test_a_display_without_sync_is_an_error(window_process, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    code, said = window_process.mrd(
        "experiment", "run", folder, "--participant", "01", "--uncalibrated"
    )
    assert code == 2
    assert "frames a second were measured, 60 are stated" in said


def test_a_window_needs_a_display(mrd, monkeypatch, small_set, tmp_path):
    monkeypatch.delenv("DISPLAY", raising=False)
    folder = study_in(tmp_path, small_set)
    code, _, said = mrd("experiment", "run", folder, "--participant", "01")
    assert code == 2
    assert "no display: DISPLAY is not set" in said
    assert "mrd experiment simulate STUDY" in said


def test_a_dialog_asks_for_the_participant(window_process, screen):
    """The first field has the focus: type a code, confirm with Return.

    The session of the command line is the default of the second field.
    """
    future = window_process.start(ask_participant, "02")
    end = time.monotonic() + 60
    found = ""
    while not found:
        assert time.monotonic() < end, "the dialog did not open"
        time.sleep(0.1)
        found = subprocess.run(
            ["xdotool", "search", "--onlyvisible", "--name", "Experiment"],
            env=screen, capture_output=True, text=True, check=False,
        ).stdout  # fmt: skip
    time.sleep(1)
    for words in (("windowfocus", found.split()[0]), ("type", "s07"), ("key", "Return")):
        subprocess.run(["xdotool", *words], env=screen, check=True)
    assert window_process.finish(future) == ("s07", "02")


def test_readings_are_typed(window_process, small_set, tmp_path):
    """Typed at the patch, on the full screen; backspace corrects."""
    folder = study_in(tmp_path, small_set)
    full = "[1024, 768], full_screen: true"
    change_study(folder, {"[640, 480], full_screen: false": full})
    typed = {}
    for gun, top in {"red": 20, "green": 70, "blue": 9}.items():
        for value in calibration.patch_values(5):
            light = f"{0.2 + top * (value / 255) ** 2.2:.4f}".replace(".", " period ")
            digits = [key for part in light.split() for key in (part if part[0] != "p" else [part])]
            typed[f"{gun} {value}"] = ["Return", *digits, "9", "BackSpace", "Return"]
    assert window_process.run(window_sessions.calibrate, folder, typed) == (0, "")
    made = calibration.load(folder / "calibration.json")
    assert [gun.gamma for gun in made.guns] == pytest.approx([2.2] * 3, abs=0.01)
    assert [gun.range for gun in made.guns] == pytest.approx([20, 70, 9], rel=0.01)
    assert made.facts["instrument"] == "typed readings"


def test_escape_ends_a_calibration(window_process, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    typed = {"red 0": ["1", "Escape"]}
    assert window_process.run(window_sessions.calibrate, folder, typed) == (
        2, "error: calibration was ended with Escape; nothing was saved\n",
    )  # fmt: skip
    assert not (folder / "calibration.json").exists()

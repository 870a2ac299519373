"""Real windows under Xvfb, real key presses from xdotool."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mrd.study.study import read_study
from psychophysics import experiment
from psychophysics.data import data_set
from psychophysics.observers import Psychometric, SimulatedObserver
from tests.psychophysics.studies import study_in


def seated(screen, folder, participant="01", **plan):
    """Run a session answered by the thread of desk.py."""
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    command = [sys.executable, str(Path(__file__).with_name("desk.py")), str(folder), participant]
    done = subprocess.run(
        [*command, str(file)], env=screen, capture_output=True, text=True, timeout=170, check=False
    )
    assert done.returncode == 0, done.stderr
    pressed = json.loads(file.with_suffix(".pressed.json").read_text())
    return json.loads(done.stdout.splitlines()[-1]), pressed


@pytest.mark.parametrize(
    ("task", "presentation", "keys"),
    [
        ("oddity", "time", ["1", "2", "3"]),
        ("match_to_sample", "space", ["Left", "Right"]),
        ("same_different", "space", ["Right", "Left"]),
    ],
)
def test_real_window_takes_key_presses_at_their_times(
    task, presentation, keys, screen, small_set, tmp_path
):
    folder = study_in(tmp_path, small_set, task, presentation, mask=0.05)
    # Some while the images are on, some after them; some within one poll.
    outcome, pressed = seated(screen, folder, delays=[0.3, 0.05, 0.55], keys=keys)
    frame = data_set.read_sessions(folder / "data")
    assert outcome == {"finished": True, "trials": 6}
    assert frame["key"].astype(str).str.lower().tolist() == [p["key"].lower() for p in pressed]
    names = {"oddity": ["first", "second", "third"], "match_to_sample": ["left", "right"],
             "same_different": ["same", "different"]}[task]  # fmt: skip
    order = ["1", "2", "3"] if task == "oddity" else ["left", "right"]
    meant = [names[order.index(press["key"].lower())] for press in pressed]
    assert frame["response"].tolist() == meant
    assert (frame["correct"] == (frame["response"] == frame["correct_response"])).all()
    _check_times(frame, task, presentation)
    # xdotool sent the press somewhere between before and after.
    for taken, press in zip(frame["response_time"], pressed, strict=True):
        assert press["before"] - 0.020 <= taken <= press["after"] + 0.020


def _check_times(frame, task, presentation):
    """As planned, of .1 s each: fixation, images, then .05 s of mask and a blank; and measured."""
    onsets = [0.1, 0.35, 0.6] if presentation == "time" else [0.1, 0.1]
    onsets = [0.1, 0.35, 0.35] if task == "match_to_sample" else onsets
    for number, planned in enumerate(onsets, start=1):
        assert frame[f"planned_onset_{number}"].to_numpy() == pytest.approx(planned, abs=1e-6)
        assert frame[f"planned_duration_{number}"].to_numpy() == pytest.approx(0.1, abs=1e-6)
        in_time = frame[frame[f"dropped_{number}"] == 0]
        assert in_time[f"duration_{number}"].to_numpy() == pytest.approx(0.1, abs=4 / 60)
        assert (frame[f"onset_{number}"] > 0).all()


def test_real_window_pauses_on_escape_and_goes_on_later(screen, small_set, tmp_path):
    """With practice, feedback and breaks: Escape in the fifth trial, then the same command.

    In the sixth trial, Escape and space: it is shown again, and the row tells. The eighth is not
    answered in time.
    """
    folder = study_in(tmp_path, small_set, more="feedback: true\n  rest_every: 2")
    text = (folder / "study.yaml").read_text()
    text = text.replace("{trials: 0}", "{trials: 2, rounds: 1}")
    (folder / "study.yaml").write_text(text.replace("interval: 0.2", "interval: 0.2, answer: 2"))
    words = {"delays": [0.1], "keys": ["1", "2", "3"]}
    outcome, _ = seated(screen, folder, stop_in=[4], **words)
    assert outcome == {"finished": False, "trials": 4}
    table = next((folder / "data").glob("sub-*/ses-*/beh/*.tsv"))
    before = table.read_bytes()
    outcome, _ = seated(screen, folder, pause_in=[1], silent_in=[4], **words)
    assert outcome == {"finished": True, "trials": 8}
    after = data_set.read_sessions(folder / "data")
    assert before.count(b"\n") == 5
    assert table.read_bytes().startswith(before)
    assert after["trial"].tolist() == [1, 2, 3, 4, 5, 6, 7, 8]
    assert after["phase"].tolist() == ["practice"] * 2 + ["main"] * 6
    assert after["sitting"].tolist() == [1] * 4 + [2] * 4
    assert after["response"].isna().tolist() == [False] * 7 + [True]
    assert after.iloc[7][["key", "response_time"]].isna().all()
    assert after["correct"][7] == 0
    assert after["showings"].tolist() == [1] * 5 + [2, 1, 1]
    path = next((folder / "data").glob("sub-*/ses-*/beh/*.json"))
    told = json.loads(path.read_text())
    assert (told["Finished"], told["Intervals"]) == (True, 24)
    sittings = told["Sittings"]
    assert [each["Display"]["SoftwarePacer"] for each in sittings] == [True, True]
    assert [each["Display"]["Calibration"] for each in sittings] == [None, None]


def test_real_window_takes_a_french_keyboard_while_the_date_is_set(screen, small_set, tmp_path):
    """Digits without Shift and of the number pad, while the date goes back and forth by an hour.

    Times and the waiting between trials are those of a monotonic clock.
    """
    library, offset = tmp_path / "date.so", tmp_path / "offset"
    source = Path(__file__).with_name("date.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    offset.write_text("0")
    faked = {"LD_PRELOAD": str(library), "DATE_OFFSET": str(offset)}
    keys = ["ampersand", "KP_Down", "quotedbl", "KP_1", "eacute", "KP_Next"]
    subprocess.run(["setxkbmap", "fr"], env=screen, check=True)
    try:
        outcome, pressed = seated(
            screen | faked, study_in(tmp_path, small_set, mask=0.05), keys=keys, delays=[0.3],
            dates=[-3600, -2, 3600], **{"try": ["ampersand", "KP_Next"]},
        )  # fmt: skip
    finally:
        subprocess.run(["setxkbmap", "us"], env=screen, check=True)
    assert outcome == {"finished": True, "trials": 6}
    moved = np.diff([press["date"] for press in pressed])
    assert np.round(moved / 3600).tolist() == [1, 1, -2, 1, 1]
    assert "1 ✓     2     3 ✓" in (tmp_path / "plan.page.txt").read_text()
    frame = data_set.read_sessions(tmp_path / "data")
    assert frame["key"].astype(str).tolist() == ["1", "2", "3", "1", "2", "3"]
    _check_times(frame, "oddity", "time")
    assert frame["onset"].is_monotonic_increasing
    assert 0 < frame["onset"].iloc[0] < frame["onset"].iloc[-1] < 120
    for taken, press in zip(frame["response_time"], pressed, strict=True):
        assert press["before"] - 0.020 <= taken <= press["after"] + 0.020


PIXELS = """
import numpy as np
from psychophysics.lab.calibration import IDENTITY
from psychophysics.config import Display
from psychophysics.lab.window import Screen, Window, test_card
from scenes.base.errors import InputError

rng = np.random.default_rng({seed})
display = Display(full_screen=False, background=0.3)
for pixels in ((640, 480), (641, 479)):
    for table in (IDENTITY, IDENTITY[::-1].copy()):
        window = Window(display, Screen(pixels, 53, 60, None), table, paced=False)
        for shape in ((64, 64), (33, 50), (101, 101), (1, 7)):
            for place in ((0.0, 0.0), (-1.25, 0.0), (0.625, 0.5)):
                image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
                window.check_exact(image, place, "noise")
                deep = rng.integers(0, 65536, (*shape, 3), dtype=np.uint16)
                window.check_exact(deep, place, "deep noise")
        window.check_exact(test_card(), (0.0, 0.0), "test card")
        # The check itself can fail: one value of one pixel, one step off.
        image = test_card()
        drawn = window.prepare
        def altered(images, places):
            other = images[0].copy()
            other[100, 50, 1] ^= 1
            drawn([other], places)
        window.prepare = altered
        try:
            window.check_exact(image, (0.0, 0.0), "test card")
        except InputError as error:
            assert "in 1 of 65536 pixels" in str(error), error
        else:
            raise SystemExit("an altered pixel was not seen")
        window.close()
print("exact")
"""


def test_real_window_is_pixel_exact(screen, seed):
    done = subprocess.run(
        [sys.executable, "-c", PIXELS.format(seed=seed)],
        env=screen, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "exact"


def test_real_window_shows_each_frame_of_a_trial_as_planned(screen, small_set):
    """All layouts: stored images where and when they are meant, and the photodiode's patch."""
    script = Path(__file__).with_name("frame_by_frame.py")
    done = subprocess.run(
        [sys.executable, str(script), str(small_set)],
        env=screen, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6


COMMANDS = """
import contextlib, io, json, sys
from mrd.cli.main import run
for words in json.loads(sys.argv[1]):
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        try:
            run(words)
        except SystemExit as stopped:
            print(json.dumps([stopped.code, said.getvalue()]))
"""


def mrd(screen, *commands):
    """Run commands in one process: exit code and stderr of each."""
    words = json.dumps([list(map(str, command)) for command in commands])
    done = subprocess.run(
        [sys.executable, "-c", COMMANDS, words],
        env=screen, capture_output=True, text=True, timeout=170, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("[")]


def answered(folder):
    """Make two sessions: one is finished, the other began before the study was changed."""
    study = read_study(folder)
    asked = experiment.prepared(study.name, 1, study.experiment, folder / "stimuli.h5")
    follows = Psychometric(0.5, 1.0)
    for participant in ("01", "02"):
        seat = experiment.seated(asked, folder / "data", participant, "01", "person")
        experiment.run(
            asked, seat, folder / "data",
            lambda _, rng: SimulatedObserver(follows, asked.task, rng), {},
        )  # fmt: skip
    sidecar = next((folder / "data" / "sub-02").glob("**/*_beh.json"))
    told = json.loads(sidecar.read_text())
    told["Session"]["Experiment"]["vary"] = ["camera"]
    sidecar.write_text(json.dumps(told | {"Finished": False}))
    return folder


def test_real_window_refuses_before_it_opens(screen, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    (tmp_path / "keys").mkdir()
    other = study_in(tmp_path / "keys", small_set, more="keys: ['1', '2', lefft]")
    (tmp_path / "narrow").mkdir()
    narrow = study_in(tmp_path / "narrow", small_set, presentation="space")
    text = (narrow / "study.yaml").read_text()
    (narrow / "study.yaml").write_text(text.replace("[640, 480]", "[50, 480]"))
    (tmp_path / "small").mkdir()
    small = study_in(tmp_path / "small", small_set)
    text = (small / "study.yaml").read_text()
    (small / "study.yaml").write_text(text.replace("[640, 480]", "[240, 240]"))
    (tmp_path / "second").mkdir()
    second = study_in(tmp_path / "second", small_set)
    text = (second / "study.yaml").read_text()
    (second / "study.yaml").write_text(text.replace("full_screen: false", "screen: 2"))
    (tmp_path / "full").mkdir()
    full = study_in(tmp_path / "full", small_set)
    (full / "data").write_text("no folder")
    (tmp_path / "done").mkdir()
    done = answered(study_in(tmp_path / "done", small_set))
    run, participant = ("experiment", "run"), ("--participant", "01")
    refused = {
        (*run, folder, *participant): "this display is not calibrated; run mrd calibrate STUDY",
        (*run, folder, "--participant", "a b", "--uncalibrated"): "participant 'a b': use 1 to 32",
        (*run, other, *participant, "--uncalibrated"): (
            "experiment.keys: no key is called 'lefft'; did you mean 'left'?"
        ),
        (*run, narrow, *participant): "50 × 480, and a trial needs 56 × 16 (images are never",
        (*run, small, *participant): "240 × 240, and the test card that checks the window needs",
        (*run, second, *participant): "there is no screen 2; this computer has 1 (0: 1024 × 768)",
        ("calibrate", second, "--typed"): "there is no screen 2; this computer has 1",
        (*run, full, *participant, "--uncalibrated"): "data: cannot be written",
        (*run, done, *participant, "--uncalibrated"): "this session is finished; start another",
        (*run, done, "--participant", "02", "--uncalibrated"): "begun with another Experiment",
        ("calibrate", folder, "--photometer", "LS100"): "no photometer 'LS100' answers",
        ("calibrate", folder): "choose one of --photometer NAME, --typed and --readings FILE",
    }
    for (code, said), text in zip(mrd(screen, *refused), refused.values(), strict=True):
        assert code == 2
        *remarks, error = said.splitlines()
        assert text in error
        assert all("holds sessions of another experiment" in each for each in remarks)
    assert not (folder / "data").exists()


def test_real_window_without_sync_is_refused(screen, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    command = ("experiment", "run", folder, "--participant", "01", "--uncalibrated")
    [[code, said]] = mrd(screen, command)
    assert code == 2
    assert "frames a second were measured, 60 are stated" in said


def test_real_window_needs_a_display(screen, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    blind = {key: value for key, value in screen.items() if key != "DISPLAY"}
    [[code, said]] = mrd(blind, ("experiment", "run", folder, "--participant", "01"))
    assert code == 2
    assert "no display: DISPLAY is not set" in said
    assert "mrd experiment simulate STUDY" in said


def test_real_window_dialog_asks_for_the_participant(screen):
    """The dialog's first field has the focus: type a code, confirm with Return.

    The session that the command was given stands there already.
    """
    program = subprocess.Popen(
        [sys.executable, "-c",
         "from psychophysics.lab.window import ask_participant; print(*ask_participant('02'))"],
        env=screen, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        for _ in range(300):
            found = subprocess.run(
                ["xdotool", "search", "--onlyvisible", "--name", "Experiment"],
                env=screen, capture_output=True, text=True, check=False,
            )  # fmt: skip
            if found.stdout.split():
                break
            time.sleep(0.2)
        window = found.stdout.split()[0]
        time.sleep(1)
        for words in (("windowfocus", window), ("type", "s07"), ("key", "Return")):
            subprocess.run(["xdotool", *words], env=screen, check=True)
        output, _ = program.communicate(timeout=60)
    finally:
        program.kill()
    assert output.splitlines()[-1] == "s07 02"


CALIBRATION = """
import sys
from mrd.cli.main import run
from psychophysics.lab import patches
from psychophysics.lab.window import Window

class Telling(Window):
    def note(self, text, *, bright):
        print(text, flush=True)
        return super().note(text, bright=bright)

patches.Window = Telling
run(["calibrate", sys.argv[1], "--typed", "--patches", "5"])
"""


def typing(screen, folder, answer):
    """Calibrate; once a patch waits for a reading, press the keys of `answer(patch)`."""
    command = [sys.executable, "-c", CALIBRATION, str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=screen, stdout=pipe, stderr=pipe, text=True) as program:
        asked = set()
        for line in program.stdout:
            patch = line.partition(": ")[0]
            if line.endswith("cd/m², Return\n") and patch not in asked:
                asked.add(patch)
                subprocess.run(["xdotool", "key", *answer(patch)], env=screen, check=True)
        return program.wait(60), program.stderr.read()


def test_real_window_takes_typed_readings(screen, small_set, tmp_path):
    """Typed where the patch is seen, on the full screen; backspace corrects."""
    folder = study_in(tmp_path, small_set)
    text = (folder / "study.yaml").read_text()
    full = text.replace("[640, 480], full_screen: false", "[1024, 768], full_screen: true")
    (folder / "study.yaml").write_text(full)
    tops = {"red": 20, "green": 70, "blue": 9}

    def answer(patch):
        gun, value = patch.split()
        light = f"{0.2 + tops[gun] * (int(value) / 255) ** 2.2:.4f}"
        keys = ["period" if letter == "." else letter for letter in light]
        return ["Return", *keys, "9", "BackSpace", "Return"]

    assert typing(screen, folder, answer) == (0, "")
    from psychophysics.lab import calibration

    made = calibration.load(folder / "calibration.json")
    assert [gun.gamma for gun in made.guns] == pytest.approx([2.2] * 3, abs=0.01)
    assert [gun.range for gun in made.guns] == pytest.approx([20, 70, 9], rel=0.01)
    assert made.facts["instrument"] == "typed readings"


def test_real_window_ends_a_calibration_on_escape(screen, small_set, tmp_path):
    folder = study_in(tmp_path, small_set)
    code, said = typing(screen, folder, lambda _: ["1", "Escape"])
    assert code == 2
    assert said == "error: calibration was ended with Escape; nothing was saved\n"
    assert not (folder / "calibration.json").exists()

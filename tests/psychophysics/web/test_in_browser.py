"""Sessions in a real browser."""

import base64
import json
import shutil
import zlib
from itertools import combinations
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd
import pytest

from psychophysics import experiment
from psychophysics.data import bids_names, columns, data_set, json_files
from psychophysics.lab.keyboard_layout import study_name
from psychophysics.schedule import schedule
from psychophysics.web import saved
from psychophysics.web.keys import KEYS as KEYS_OF_A_PAGE
from psychophysics.web.keys import browser_keys
from tests.psychophysics.data.test_bids import LEFT_TO_THE_LAB, problems
from tests.psychophysics.web.answers import trials_of
from tests.psychophysics.web.at_the_page import KEYS as KEY_EVENTS
from tests.psychophysics.web.at_the_page import QUICK

PAGE = Path(saved.__file__).parent / "page"
KEYS = ("1", "2", "3")
ON_BOTH = ("num_1", "num_4", "num_8", "end", "left", "up", "return", "minus")


@pytest.fixture(scope="module")
def rows(played):
    return pd.DataFrame(saved.read(played.json).rows, columns=columns.names(played.asked.task))


# ---- One session ---------------------------------------------------------------------------------


def test_the_page_has_the_trials_of_the_window(played, rows, tmp_path):
    """The page's trials are those of the window, for the same codes and number."""
    experiment.seat(played.asked, tmp_path, "web01", "01", "person")
    seat = experiment.seat(played.asked, tmp_path, "web02", "01", "person")
    assert seat == played.seat
    trials = trials_of(played.asked, seat)
    trial = next(trials)
    for row in rows.itertuples():
        assert (str(trial.number), trial.phase) == (row.trial, row.phase)
        assert [image.stimulus_id for image in trial.images] == list(row[-30::10])
        correct = row.correct == "1"
        try:
            trial = trials.send(correct)
        except StopIteration:
            trial = None
    assert trial is None
    assert rows["phase"].tolist()[:4] == ["practice"] * 4  # the first round was answered wrongly
    assert sorted(rows["phase"][4:]) == ["catch"] + ["main"] * 6


def test_answers_are_scored_and_swapped_keys_are_the_participants(played, rows):
    assert played.seat.keys == ("3", "2", "1")
    for (trial, choice), row in zip(played.answered, rows.itertuples(), strict=True):
        assert row.response == played.asked.task.alternatives[choice]
        assert row.key == played.seat.keys[choice]
        assert row.correct == str(int(choice == trial.arrangement.correct))
        assert 0 < float(row.response_time) < 60
    assert 0 < (rows["correct"] == "1").sum() < len(rows)


def test_a_reload_resumes_with_the_next_trial(played, rows):
    assert rows["trial"].tolist() == [str(number) for number in range(1, len(rows) + 1)]
    assert rows["sitting"].tolist() == ["1"] * 6 + ["2"] * 5
    assert rows["showings"].tolist() == ["2"] + ["1"] * 10
    assert len(saved.read(played.json).sittings) == 2


def test_pages_are_those_of_the_window(played):
    """Breaks are every three trials; two main trials were made before the reload."""
    first = [text.split("\n")[0] for text in played.texts]
    assert first == [
        "You will see pictures of objects.",
        "First some practice. You will see whether your answers are right.",
        "Paused.", "That was practice. Now the session begins.",
        "You will see pictures of objects.", "The session goes on after 6 trials.",
        "Take a break.", "Take a break.",
    ]  # fmt: skip


def test_intervals_are_planned_and_measured(played, rows):
    """The duration of an image is a whole number of frames, plus the missed ones."""
    rate = [sitting.refresh_rate for sitting in saved.read(played.json).sittings]
    planned = schedule(played.asked.config).planned(1 / 60)
    for row in rows.to_dict("records"):
        frame = 1 / rate[int(row["sitting"]) - 1]
        for number, (onset, duration) in enumerate(planned, 1):
            assert float(row[f"planned_onset_{number}"]) == pytest.approx(onset)
            assert float(row[f"planned_duration_{number}"]) == pytest.approx(duration)
            late = float(row[f"duration_{number}"]) - round(duration / frame) * frame
            # `dropped` counts the frame before the onset as well.
            assert -0.5 * frame < late < (int(row[f"dropped_{number}"]) + 0.5) * frame
            assert float(row[f"onset_{number}"]) > onset - 3 * frame


def test_all_files_are_local_and_the_console_is_empty(played):
    assert played.console == []
    own = urlsplit(played.address).netloc
    assert played.resources
    assert {urlsplit(name).netloc for name in played.resources} == {own}


def test_the_table_holds_what_the_json_holds(played):
    assert saved.read(played.csv) == saved.read(played.json)
    assert len(pd.read_csv(played.csv, comment="#")) == len(saved.read(played.json).rows)


# ---- Import of this session ----------------------------------------------------------------------


@pytest.fixture
def folder(played, tmp_path):
    """Return a folder with the study and no data."""
    for name in ("study.yaml", "stimuli.h5"):
        shutil.copyfile(played.folder / name, tmp_path / name)
    return tmp_path


@pytest.mark.parametrize("kind", ["json", "csv"])
def test_what_is_imported_is_what_was_answered(played, folder, mrd, kind):
    code, out, err = mrd("experiment", "import-web", folder, getattr(played, kind))
    assert (code, err) == (0, "")
    assert out.startswith("web02: 11 trials, ")
    assert out.endswith("dropped frames: finished\n")
    frame = data_set.read_sessions(folder / "data")
    assert (frame["observer"] == "person").all()
    assert frame["finished"].all()
    assert frame["participant"].unique().tolist() == ["web02"]
    cells = np.array(saved.read(played.json).rows)
    names = list(columns.names(played.asked.task))
    for name in ("stimulus_1", "response", "phase", "condition"):
        assert frame[name].tolist() == cells[:, names.index(name)].tolist()
    for name in ("response_time", "onset_2", "duration_3", "sitting", "correct", "dropped_1"):
        expected = cells[:, names.index(name)].astype(float)
        np.testing.assert_array_equal(frame[name].astype(float), expected)


def test_the_sidecar_and_the_data_set_are_those_of_any_session(played, folder, mrd):
    mrd("experiment", "import-web", folder, played.json)
    path = bids_names.table_path(folder / "data", "web02", "01", played.asked.task)
    sidecar = json_files.read_json(path.with_suffix(".json"))
    bound = experiment.fixed_entries(played.asked, played.seat)
    assert sidecar["Session"] == json.loads(json.dumps(bound))
    assert sidecar["Finished"]
    assert sidecar["Intervals"] == 33
    assert [each["SoftwareVersions"]["jspsych"] for each in sidecar["Sittings"]] == ["8.3.0"] * 2
    display = sidecar["Sittings"][1]["Display"]
    assert display["Calibration"] is None
    assert not display["PixelExact"]
    assert "Calibration" in display["NotChecked"]
    assert display["DistanceCm"] == 60
    # A card of 8.56 cm covers 310 pixels; 16 of 640 pixels on 53 cm are 1.325 cm, which is 47.99 of
    # these; from 60 cm, 48 of them are 2·atan(1.3254 / 120) = 1.2656°.
    assert display["PixelsPerCm"] == 36.215
    assert display["StimulusPixels"] == [48, 48]
    assert display["StimulusDegrees"] == pytest.approx([1.2656, 1.2656], abs=1e-4)
    participants = (folder / "data" / "participants.tsv").read_text().splitlines()
    assert participants[1:] == ["sub-web02\t1\tperson"]
    found, _ = problems(folder / "data")
    assert found["error"] == set()
    assert {code for code, _ in found["warning"]} <= LEFT_TO_THE_LAB
    assert not [each.name for each in folder.iterdir() if each.name.startswith(".")]


# ---- Tasks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "presentation", "keys"),
    [
        ("oddity", "space", KEYS),
        ("match_to_sample", "space", ("left", "right")),
        ("same_different", "time", ("left", "right")),
    ],
)
def test_every_task_is_shown_pixel_for_pixel(page_of, task, presentation, keys):
    """With equal pixels on both screens, the canvas shows the stored images."""
    page = page_of(
        task=task, presentation=presentation, feedback=True,
        display={"photodiode": {"size": 20, "corner": "top_left"}},
        timing=QUICK | {"fixation": 0.1, "stimulus": 0.2},
    )  # fmt: skip
    seat = page.seat
    trials = trials_of(page.asked, seat)
    trial = next(trials)
    page.at.open()
    page.at.begin()
    page.at.press("space")
    shown = schedule(page.asked.config)
    first = next(part for part in shown.parts if part.kind == "images")
    canvas = pixels(page.at)
    across, up = canvas.shape[1] // 2, canvas.shape[0] // 2
    assert (canvas[:20, :20] == 255).all()  # the photodiode's patch
    for image in first.images:
        left = across - 8 + round(16 * shown.places[image][0])
        shown_image = canvas[up - 8 : up + 8, left : left + 16]
        stored = page.asked.stimuli.image(trial.images[image].stimulus_id)
        np.testing.assert_array_equal(shown_image, stored)
    rest = canvas.copy()
    rest[up - 8 : up + 8] = 128
    rest[:20, :20] = 128
    assert (rest == 128).all()
    answered, left = page.at.play(trials, keys, lambda trial: trial.number != 2, trial=trial)
    assert left is None
    state = page.at.turn_pages()
    assert "That was all" in state["text"]
    assert len(answered) == state["rows"] == 3
    assert page.at.console() == []


FRAME = """
const done = arguments[0];
const canvas = document.querySelector('canvas');
const look = () => {
  if (canvas.hidden || canvas.dataset.part !== 'images') return requestAnimationFrame(look);
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  let text = '';
  for (let i = 0; i < data.length; i += 8192) {
    text += String.fromCharCode(...data.subarray(i, i + 8192));
  }
  done([canvas.width, canvas.height, btoa(text)]);
};
look();
"""


def pixels(at):
    """Read what is on the canvas in a frame that shows images, (H, W, 3)."""
    width, height, values = at.driver.execute_async_script(FRAME)
    flat = np.frombuffer(base64.b64decode(values), np.uint8)
    return flat.reshape(height, width, 4)[:, :, :3]


# ---- Interruptions ------------------------------------------------------------------------


def test_answers_are_sent_and_what_is_not_answered_in_time_is_wrong(page_of):
    page = page_of(post=True, timing={"stimulus": 0.1, "fixation": 0.1, "blank": 0.1,
                                      "interval": 0.1, "answer": 0.3})  # fmt: skip
    page.server.broken = True
    page.at.open()
    page.at.begin()
    page.at.press("space")
    state = page.at.until(lambda state: state["text"] and "could not be sent" in state["text"])
    assert state["rows"] == 3
    page.server.broken = False
    page.at.click("Try again")
    page.at.until(lambda state: state["text"] and "have been sent" in state["text"])
    [document] = page.server.received
    [row, *_] = [dict(zip(document["columns"], cells, strict=True)) for cells in document["rows"]]
    assert [row[name] for name in ("response", "key", "correct", "response_time")] == [
        "n/a", "n/a", "0", "n/a",
    ]  # fmt: skip
    # A finished session is not asked again, nor sent again.
    page.at.driver.get(f"{page.at.address}?participant=web01")
    page.at.until(lambda state: state["text"] and "have been sent" in state["text"])
    assert len(page.server.received) == 1


def test_what_was_sent_unfinished_is_sent_again_when_it_is_finished(page_of):
    page = page_of(post=True)
    trials = trials_of(page.asked, page.seat)
    page.at.open()
    page.at.begin()
    _, then = page.at.play(trials, KEYS, most=1)
    page.at.turn_pages()
    for said in ("Paused", "have been sent"):
        page.at.press("escape")
        page.at.until(lambda state, said=said: state["text"] and said in state["text"])
    page.at.open()
    page.at.begin()
    page.at.play(trials, KEYS, trial=then)
    page.at.until(lambda state: state["text"] and "have been sent" in state["text"])
    assert [each["finished"] for each in page.server.received] == [False, True]
    assert [len(each["rows"]) for each in page.server.received] == [1, 3]
    assert page.at.console() == []


def test_escape_after_the_answer_shows_the_trial_again(page_of):
    """As at the window: the trial is not over while images are shown."""
    page = page_of(presentation="space", timing=QUICK | {"stimulus": 1.0})
    page.at.open()
    page.at.begin()
    page.at.press("space")
    page.at.until(lambda state: state["part"] == "images")
    page.at.press("1")
    page.at.press("escape")
    state = page.at.until(lambda state: state["text"])
    assert (state["text"].split("\n")[0], state["rows"]) == ("Paused.", 0)
    page.at.turn_pages()
    page.at.answer("1")
    cells = page.at.script("return new Session(DESIGN, OWN, localStorage).rows[0]")
    assert cells[columns.names(page.asked.task).index("showings")] == "2"


# As browsers report them: the number pad with Num Lock off, a French keyboard, an input method.
PRESSED_AS = {"1": ("End", "Numpad1"), "2": ("é", "Digit2"), "3": ("Process", "Digit3")}
DOCUMENT = """
const name = Object.keys(localStorage).find(key => key.startsWith('mrd:web'));
return JSON.parse(localStorage[name]);
"""
DATE = """
const now = Date.now.bind(Date);
window.setDate = (seconds) => { Date.now = () => now() + 1000 * seconds; };
window.Date = new Proxy(Date, {
  construct: (Old, given) => new Old(...(given.length ? given : [Date.now()])),
});
"""


def test_digits_count_by_any_key_and_the_date_can_be_set_in_a_session(page_of, browser):
    page = page_of()
    script = browser.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": DATE})
    pressed = {name: KEY_EVENTS[name] for name in PRESSED_AS}
    KEY_EVENTS.update(PRESSED_AS)
    try:
        page.at.open()
        page.at.begin()
        for name, marked in ((None, "1 2 3"), ("2", "1 2 ✓ 3"), ("1", "1 ✓ 2 ✓ 3")):
            if name:
                page.at.press(name)
            end = f"that it was read. {marked} Go on"
            page.at.until(lambda state, end=end: " ".join(state["text"].split()).endswith(end))
        for key, seconds in (("1", -3600), ("2", -2), ("3", 3600)):
            page.at.turn_pages()
            page.at.script("window.setDate(arguments[0])", seconds)
            page.at.answer(key)
    finally:
        KEY_EVENTS.update(pressed)
        browser.execute_cdp_cmd("Page.removeScriptToEvaluateOnNewDocument", script)
    made = page.at.script(DOCUMENT)
    frame = pd.DataFrame(made["rows"], columns=columns.names(page.asked.task))
    assert frame["key"].tolist() == ["1", "2", "3"]
    times = frame[["onset", "response_time", "onset_2", "duration_1"]].astype(float)
    assert times["onset"].is_monotonic_increasing
    assert ((times > 0) & (times < 60)).all(axis=None)


def test_leaving_the_full_screen_pauses(page_of):
    page = page_of(display={"full_screen": True})
    page.at.open()
    page.at.begin()
    page.at.turn_pages()
    assert page.at.script("return document.fullscreenElement !== null")
    page.at.script("document.exitFullscreen()")
    page.at.until(lambda state: state["text"] and "Paused" in state["text"])
    page.at.turn_pages()
    assert page.at.script("return document.fullscreenElement !== null")
    page.at.answer("1")
    page.at.script("document.exitFullscreen()")
    page.at.until(lambda state: state["text"] and "Paused" in state["text"])


def test_a_full_storage_ends_the_session_with_all_answers(page_of):
    page = page_of(post=True)
    page.at.open()
    page.at.begin()
    page.at.turn_pages()
    page.at.answer("1")
    page.at.turn_pages()
    page.at.script(
        "for (let size = 2 ** 24; size >= 1; size = Math.floor(size / 2))"
        "  try { localStorage['much' + size] = 'x'.repeat(size); } catch { /* smaller ones */ }"
    )
    page.at.press("1")
    page.at.until(lambda state: state["text"] and "has no room for more" in state["text"])
    page.at.until(lambda state: "have been sent" in state["text"])
    [document] = page.server.received
    assert (len(document["rows"]), document["finished"]) == (2, False)
    assert page.at.console() == []


def test_escape_twice_ends_the_sitting_and_another_window_takes_over(page_of, browser):
    page = page_of()
    page.at.open()
    page.at.begin()
    page.at.turn_pages()
    page.at.answer("1")
    page.at.turn_pages()
    for said in ("Paused", "has ended here"):
        page.at.press("escape")
        page.at.until(lambda state, said=said: state["text"] and said in state["text"])
    page.at.open()
    page.at.begin()
    assert "goes on after 1 trials" in (page.at.press("space"), page.at.state)[1]["text"]
    one = browser.current_window_handle
    browser.switch_to.new_window("tab")
    page.at.open()
    two = browser.current_window_handle
    browser.switch_to.window(one)
    page.at.turn_pages()
    page.at.answer("1")  # after the other window was loaded, and before it begins
    page.at.turn_pages()
    browser.switch_to.window(two)
    page.at.begin()
    assert "goes on after 2 trials" in (page.at.press("space"), page.at.state)[1]["text"]
    browser.switch_to.window(one)
    page.at.until(lambda state: state["text"] and "open in another window" in state["text"])
    page.at.press("space")
    assert "open in another window" in page.at.state["text"]
    for handle in browser.window_handles:
        if handle != one:
            browser.switch_to.window(handle)
            browser.close()
    browser.switch_to.window(one)


def test_the_participant_is_asked_for_and_a_small_window_is_reported(page_of):
    page = page_of(participants=3, presentation="space")
    page.at.driver.get(f"{page.at.address}?participant=web09")
    state = page.at.until(lambda state: state["text"])
    assert "No participant is called “web09”. There are web01 to web03." in state["text"]
    page.at.script("document.querySelector('input').value = 'web03'")
    page.at.click("Start")
    page.at.until(lambda state: state["text"] and "How large" in state["text"])
    page.at.script("window.innerWidth = 40")
    page.at.script(
        "const slider = document.querySelector('input[type=range]');"
        "slider.value = 310; slider.dispatchEvent(new Event('input'))"
    )
    page.at.click("Go on")
    state = page.at.until(lambda state: state["text"] and "do not fit" in state["text"])
    assert "A trial needs 56 × 16 pixels, and the window has 40 × " in state["text"]


def test_it_runs_from_a_file_without_a_server(page_of, browser):
    page = page_of()
    page.at.address = (page.folder / "index.html").as_uri()
    page.at.open()
    page.at.begin()
    page.at.turn_pages()
    page.at.answer("1")
    assert page.at.console() == []
    page.at.script("localStorage.clear()")


# ---- Functions of the scripts ----------------------------------------------------------------


def test_practice_ends_as_at_the_window(page_of, rng):
    """40 random runs of answers: rounds of 3, 2 right ones end it, 4 rounds at most."""
    page = page_of(practice={"trials": 3, "correct": 0.6, "rounds": 4}, catch=0)
    page.at.driver.get(f"{page.at.address}?participant=web01")
    page.at.until(lambda state: state["text"])
    for _ in range(40):
        chosen = rng.random(12) < 0.5
        trials = trials_of(page.asked, page.seat)
        trial, made = next(trials), []
        while trial.phase == "practice":
            made.append({"phase": "practice", "correct": bool(chosen[len(made)])})
            trial = trials.send(made[-1]["correct"])
        following = "return nextTrial(OWN, arguments[0], DESIGN.practice).row"
        for count in range(len(made)):
            assert page.at.script(following, made[:count])[1] == "practice"
        names = columns.names(page.asked.task)
        row = dict(zip(names, page.at.script(following, made), strict=True))
        assert [row["phase"], row["stimulus_1"]] == ["main", trial.images[0].stimulus_id]


def test_checksums_and_numbers_are_pythons(page_of):
    page = page_of()
    page.at.driver.get(page.at.address)
    page.at.until(lambda state: state["text"])
    for text in ("", "123456789", "x\ty\n", "Ö–☃"):
        assert (
            page.at.script("return checksum(arguments[0])", text)
            == f"{zlib.crc32(text.encode()):08x}"
        )
    table = [["a", 'b"c'], ["d", "ü"]]
    written = page.at.script("return checksum(plainRows(arguments[0]))", table)
    assert written == saved.checksum(table)
    for milliseconds, text in ((0, "0"), (16.6667, "0.016667"), (0.001, "0.000001"), (1e6, "1000")):
        assert page.at.script("return secondsText(arguments[0])", milliseconds) == text
    csv = page.at.script(
        "return asTable({a: 1, columns: arguments[0][0], rows: [arguments[0][1]]})", table
    )
    assert csv == '# {"a":1}\r\na,"b""c"\r\nd,ü\r\n'
    assert json.loads(csv.splitlines()[0][1:]) == {"a": 1}


# Of each key of the number pad, its name at the window; then with Num Lock on, and off.
PAD = {
    **{f"Numpad{n}": (f"num_{n}", str(n), key) for n, key in enumerate(
        ("Insert", "End", "ArrowDown", "PageDown", "ArrowLeft", "Clear", "ArrowRight", "Home",
         "ArrowUp", "PageUp"))},
    "NumpadEnter": ("num_enter", "Enter", "Enter"),
    "NumpadDecimal": ("num_decimal", ".", "Delete"),
    "NumpadDivide": ("num_divide", "/", "/"),
    "NumpadMultiply": ("num_multiply", "*", "*"),
    "NumpadSubtract": ("num_subtract", "-", "-"),
    "NumpadAdd": ("num_add", "+", "+"),
    "NumpadEqual": ("num_equal", "=", "="),
}  # fmt: skip
NAMED = """
return arguments[0].map(([keys, key, code]) =>
  Keyboard.prototype.name.call({ keys }, { key, code }) ?? null);
"""


def test_the_number_pad_counts_as_it_does_at_the_window(browser):
    """Every key of it, with Num Lock and without, where a study names any one key or two."""
    studies = [*combinations(KEYS_OF_A_PAGE, 1), *combinations([*"148", *ON_BOTH], 2)]
    asked = [
        (study, place, key, code)
        for study in studies
        for code, (place, *printed) in PAD.items()
        for key in printed
    ]
    source = (PAGE / "keyboard.js").read_text()
    given = [(browser_keys(study), key, code) for study, _, key, code in asked]
    found = browser.execute_script(source + NAMED, given)
    assert found == [study_name(study, place, []) for study, place, _, _ in asked]
    left = asked.index((("left",), "num_4", "4", "Numpad4"))
    assert found[left] == "left"

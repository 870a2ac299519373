"""What tests run at a real window, with real key presses of xdotool; see `window_process`."""

import json
import os
import subprocess
import threading
import time
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mrd.study.study import read_study
from psychophysics import experiment, pages
from psychophysics.config import DisplayConfig
from psychophysics.lab import keys, patches, run_at_window
from psychophysics.lab.calibration import IDENTITY
from psychophysics.lab.keys import Keys
from psychophysics.lab.window import Screen, Window, test_card
from scenes.base.errors import InputError
from tests.psychophysics.lab.window_process import run_mrd


def press(key):
    for action in ("keydown", "keyup"):
        subprocess.run(["xdotool", action, key], check=True)


# ---- Sessions ------------------------------------------------------------------------------------


class Participant:
    """Presses keys by a plan when a page is shown or an answer is expected.

    ``delays`` (seconds from the onset of the last images, in turn), ``keys`` (in turn), ``stop_in``
    (numbers of showings during which Escape is pressed, twice), ``pause_in`` (Escape, then space:
    the trial is shown again), ``silent_in`` (no key), ``try`` (keys pressed on the first page),
    ``dates`` (seconds by which the date is moved from each answer on, in turn, through the file
    that `date.c` reads).
    """

    def __init__(self, plan):
        self.plan, self.showings, self.page = plan, 0, ""
        self.first_page = ""  # its last text
        # For each answer: the key, the times just before and after xdotool in seconds since the
        # onset of the last images, and the date.
        self.pressed = []

    def shown(self, text):
        """Press a key on a page; called with every frame of it."""
        if text == self.page or text in (pages.feedback(True), pages.feedback(False)):
            return
        if pages.try_keys("") in text:
            self.first_page = text
            if self.page:
                return  # a key was marked
        self.page = text
        stop = text == pages.paused() and self.showings - 1 in self.plan.get("stop_in", [])
        key = "Escape" if stop else "space"
        names = self.plan.get("try", []) if pages.try_keys("") in text else []
        threading.Thread(target=self._press_later, args=([*names, key],)).start()

    def onset(self):
        """Answer a trial; called at the onset of its last images."""
        self.page, zero = "", time.perf_counter()
        threading.Thread(target=self._answer, args=(zero, self.showings)).start()
        self.showings += 1

    def _press_later(self, names):
        for name in names:
            time.sleep(0.15)
            press(name)

    def _answer(self, zero, number):
        if number in self.plan.get("silent_in", []):
            return
        if number in self.plan.get("stop_in", []) + self.plan.get("pause_in", []):
            press("Escape")
            return
        if dates := self.plan.get("dates"):
            Path(os.environ["DATE_OFFSET"]).write_text(f"{dates[number % len(dates)]}")
        delays, names = self.plan["delays"], self.plan["keys"]
        delay, key = delays[number % len(delays)], names[number % len(names)]
        time.sleep(max(zero + delay - time.perf_counter(), 0))
        before = time.perf_counter() - zero
        subprocess.run(["xdotool", "keydown", key], check=True)
        after = time.perf_counter() - zero
        subprocess.run(["xdotool", "keyup", key], check=True)
        self.pressed.append({"key": key, "before": before, "after": after, "date": time.time()})


def run_session(folder, plan):
    """Run the session of participant 01; return its outcome, pressed keys and first page."""
    participant = Participant(plan)

    class WatchedKeys(Keys):
        def restart_at_flip(self):
            super().restart_at_flip()
            self._window.callOnFlip(participant.onset)

    class WatchedWindow(Window):
        def draw_text(self, text):
            super().draw_text(text)
            participant.shown(text)

    run_at_window.Keys, run_at_window.Window = WatchedKeys, WatchedWindow
    try:
        study = read_study(folder)
        asked = experiment.prepare(study.name, 1, study.experiment, folder / "stimuli.h5")
        setup = run_at_window.prepare(asked, folder, uncalibrated=True, paced=True, windowed=True)
        outcome = run_at_window.run(setup, "01", "01", folder / "data")
    finally:
        run_at_window.Keys, run_at_window.Window = Keys, Window
    time.sleep(0.3)
    return (outcome.finished, outcome.trials), participant.pressed, participant.first_page


# ---- Calibration ---------------------------------------------------------------------------------


def calibrate(folder, typed):
    """Run mrd calibrate --typed; `typed` has the keys to press for each patch.

    Patches settle for fewer frames than at a real display.
    """

    class WatchedWindow(Window):
        def note(self, text, *, bright):
            patch = text.partition(": ")[0]
            if names := typed.pop(patch, None):
                threading.Thread(
                    target=lambda: (time.sleep(0.1), subprocess.run(["xdotool", "key", *names]))
                ).start()
            return super().note(text, bright=bright)

    settling = patches.SETTLING_FRAMES
    patches.Window, patches.SETTLING_FRAMES = WatchedWindow, 3
    try:
        return run_mrd(["calibrate", str(folder), "--typed", "--patches", "5"])
    finally:
        patches.Window, patches.SETTLING_FRAMES = Window, settling


# ---- Keys ----------------------------------------------------------------------------------------


def keys_of_layouts(backend):
    """Return the keys read for each layout, with Caps Lock on and Num Lock off."""
    loaded = keys._psychtoolbox
    if backend == "window":
        keys._psychtoolbox = lambda: None
    display = DisplayConfig(full_screen=False)
    window = Window(display, Screen((300, 300), 53, 60, None), IDENTITY, paced=False)
    try:
        board = Keys(window.handle)
        assert board.backend == backend
        window.flip()
        search = ["xdotool", "search", "--onlyvisible", "--name", "PsychoPy", "windowfocus"]
        subprocess.run(search, check=True)
        return {layout: _keys_of(layout, board, window) for layout in ("us", "fr", "ru", "us,ru")}
    finally:
        keys._psychtoolbox = loaded
        window.close()
        subprocess.run(["setxkbmap", "us"], check=True)


def _keys_of(layout, board, window):
    subprocess.run(["setxkbmap", layout], check=True)
    subprocess.run(["xdotool", "key", "Caps_Lock"], check=True)
    board.forget()
    # Codes of the keys 1, 2, 3, Q, A, 1 of the number pad; Escape and space.
    for key in ("10", "11", "12", "24", "38", "87", "Escape", "space"):
        subprocess.run(["xdotool", "key", key], check=True)
    found, end = [], time.monotonic() + 20
    while not found or found[-1].key != "space":
        assert time.monotonic() < end, found
        window.flip()
        found += board.presses(("1", "2", "3", "a", "escape", "space"))
    return [each.key for each in found]


# ---- Pixels --------------------------------------------------------------------------------------


SHAPES = ((64, 64), (33, 50), (101, 101), (1, 7))
PLACES = ((0.0, 0.0), (-1.25, 0.0), (0.625, 0.5))


def check_pixels(seed):
    """Compare random images and the test card at windows of even and odd size."""
    rng = np.random.default_rng(seed)
    display = DisplayConfig(full_screen=False, background=0.3)
    for pixels in ((640, 480), (641, 479)):
        for table in (IDENTITY, IDENTITY[::-1].copy()):
            window = Window(display, Screen(pixels, 53, 60, None), table, paced=False)
            for number, (shape, place) in enumerate(product(SHAPES, PLACES)):
                largest, kind = [(256, np.uint8), (65536, np.uint16)][number % 2]
                image = rng.integers(0, largest, (*shape, 3), dtype=kind)
                window.check_exact(image, place, "noise")
            window.check_exact(test_card(), (0.0, 0.0), "test card")
            _check_that_a_wrong_pixel_is_found(window)
            window.close()


def _check_that_a_wrong_pixel_is_found(window):
    prepare = window.prepare

    def alter(images, places):
        other = images[0].copy()
        other[100, 50, 1] ^= 1
        prepare([other], places)

    window.prepare = alter
    with pytest.raises(InputError, match="in 1 of 65536 pixels"):
        window.check_exact(test_card(), (0.0, 0.0), "test card")


def unfinish(sidecar, **experiment_keys):
    """Mark a session as unfinished, begun with other keys of the experiment."""
    content = json.loads(sidecar.read_text())
    content["Session"]["Experiment"] |= experiment_keys
    sidecar.write_text(json.dumps(content | {"Finished": False}))

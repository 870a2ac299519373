"""A session at a real window, answered by a thread that presses keys with xdotool.

Run as a script, with DISPLAY set: ``desk.py STUDY_FOLDER PARTICIPANT PLAN.json``. The plan:
``delays`` (seconds from the onset of the last images to the key press, in turn), ``keys`` (in
turn), ``stop_in`` (numbers of showings in whose middle Escape is pressed, twice), ``pause_in``
(Escape, then space: the trial is shown again), ``silent_in`` (no key), ``try`` (keys pressed on the
first page), ``dates`` (seconds by which the date is off from each answer on, in turn, through the
file that `date.c` reads). What was pressed when goes to ``PLAN.pressed.json``: for each answer
the moments just before and after xdotool, in seconds since that onset, and the date. The last text
of the first page goes to ``PLAN.page.txt``.
"""

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from mrd.study.study import read_study
from psychophysics import experiment, pages
from psychophysics.lab import run_at_window
from psychophysics.lab.keys import Keys
from psychophysics.lab.window import Window


class Participant:
    """Presses keys when something is asked."""

    def __init__(self, plan):
        self.plan, self.pressed, self.asked_for, self.page = plan, [], 0, ""
        self.first_page = ""

    def press(self, key):
        for action in ("keydown", "keyup"):
            subprocess.run(["xdotool", action, key], check=True)

    def shown(self, text):
        """A page is on the screen; told once a page."""
        if text == self.page or text in (pages.feedback(True), pages.feedback(False)):
            return
        if pages.try_keys("") in text:
            self.first_page = text
            if self.page:
                return  # a key was marked
        self.page = text
        stop = text == pages.paused() and self.asked_for - 1 in self.plan.get("stop_in", [])
        key = "Escape" if stop else "space"
        tried = self.plan.get("try", []) if pages.try_keys("") in text else []
        threading.Thread(target=self._later, args=(0.15, [*tried, key])).start()

    def asked(self):
        """The last images of a trial have just come on."""
        self.page, zero = "", time.perf_counter()
        threading.Thread(target=self._answer, args=(zero, self.asked_for)).start()
        self.asked_for += 1

    def _later(self, delay, keys):
        for key in keys:
            time.sleep(delay)
            self.press(key)

    def _answer(self, zero, number):
        if number in self.plan.get("silent_in", []):
            return
        if number in self.plan.get("stop_in", []) + self.plan.get("pause_in", []):
            self.press("Escape")
            return
        if dates := self.plan.get("dates"):
            offset = f"{dates[number % len(dates)]}"
            Path(os.environ["DATE_OFFSET"]).write_text(offset)
        delays, keys = self.plan["delays"], self.plan["keys"]
        delay, key = delays[number % len(delays)], keys[number % len(keys)]
        time.sleep(max(zero + delay - time.perf_counter(), 0))
        before = time.perf_counter() - zero
        subprocess.run(["xdotool", "keydown", key], check=True)
        after = time.perf_counter() - zero
        subprocess.run(["xdotool", "keyup", key], check=True)
        self.pressed.append({"key": key, "before": before, "after": after, "date": time.time()})


def main(folder, participant, plan_file):
    """Run the session of the study in the folder."""
    plan = json.loads(plan_file.read_text())
    thread = Participant(plan)

    class WatchedKeys(Keys):
        def restart_at_flip(self):
            super().restart_at_flip()
            self._window.callOnFlip(thread.asked)

    class WatchedWindow(Window):
        def draw_text(self, text):
            super().draw_text(text)
            thread.shown(text)

    run_at_window.Keys, run_at_window.Window = WatchedKeys, WatchedWindow
    study = read_study(folder)
    asked = experiment.prepared(study.name, 1, study.experiment, folder / "stimuli.h5")
    setup = run_at_window.set_up(asked, folder, uncalibrated=True, paced=True, windowed=True)
    outcome = run_at_window.run(setup, participant, "01", folder / "data")
    time.sleep(0.3)
    plan_file.with_suffix(".page.txt").write_text(thread.first_page)
    plan_file.with_suffix(".pressed.json").write_text(json.dumps(thread.pressed))
    print(json.dumps({"finished": outcome.finished, "trials": outcome.trials}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))

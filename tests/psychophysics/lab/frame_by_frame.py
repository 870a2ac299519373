"""Trials at a real window, every frame of them read back and compared with what is meant.

Run as a script, with DISPLAY set: ``frame_by_frame.py SET``. Prints a line for each layout.
"""

import gc
import sys
from pathlib import Path
from typing import ClassVar

import numpy as np

from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.lab.calibration import IDENTITY
from psychophysics.lab.keys import Keys
from psychophysics.lab.person import Person
from psychophysics.lab.window import Screen, Window
from psychophysics.schedule import schedule
from psychophysics.trials import order

PIXELS, BACKGROUND, PATCH = (320, 240), 128, 20
TIMING = {"fixation": 0.05, "stimulus": 0.1, "blank": 0.05, "mask": 0.05, "interval": 0.05,
          "answer": 1 / 60}  # fmt: skip
LAYOUTS = (
    ("oddity", "time"), ("oddity", "space"), ("match_to_sample", "time"),
    ("match_to_sample", "space"), ("same_different", "time"), ("same_different", "space"),
)  # fmt: skip


class Seen(Window):
    """Keeps every frame that it shows, and what it was given to load."""

    frames: ClassVar[list] = []
    loaded: ClassVar[list] = []
    collecting: ClassVar[list] = []

    def prepare(self, images, places):
        self.loaded.append(len(images))
        super().prepare(images, places)

    def flip(self):
        self.frames.append(self.frame())
        self.collecting.append(gc.isenabled())
        return super().flip()


class Watched(Keys):
    """A trial begins when earlier presses are forgotten: so do the frames."""

    def forget(self):
        super().forget()
        assert len(Seen.loaded) == 1
        Seen.loaded.clear()
        Seen.frames.clear()
        Seen.collecting.clear()


def main(path):
    """Show a trial of each layout."""
    for task, presentation in LAYOUTS:
        config = ExperimentConfig.model_validate(
            {
                "task": task, "presentation": presentation, "timing": TIMING, "catch": 0,
                "practice": {"trials": 0},
                "display": {
                    "full_screen": False,
                    "photodiode": {"size": PATCH, "corner": "top_left"},
                },
            }
        )  # fmt: skip
        asked = experiment.prepared("small", 1, config, path)
        window = Seen(config.display, Screen(PIXELS, 53, 60, None), IDENTITY, paced=True)
        person = Person(
            window, Watched(window.handle), config, config.answer_keys, asked.stimuli.image,
            np.random.default_rng(1),
        )  # fmt: skip
        trial = next(order(asked.conditions, config, 1, [""]))
        answer = person.answer(trial)
        assert (answer.choice, answer.key, answer.response_time) == (None, None, None)
        stored = [asked.stimuli.image(image.stimulus_id) for image in trial.images]
        assert not Seen.loaded, "images were loaded in a timed interval"
        assert not any(Seen.collecting), "garbage was collected in a timed interval"
        assert gc.isenabled()
        check(window, schedule(config), stored)
        window.close()
        print(task, presentation)


def check(window, parts, stored):
    """Compare each frame with the part of the trial that it belongs to."""
    regions = [window.region(16, 16, place) for place in parts.places]
    meant = [part for part in parts.parts for _ in range(part.frames)]
    assert len(window.frames) > len(meant)
    for number, (part, frame) in enumerate(zip(meant, window.frames, strict=False)):
        lit = frame[:PATCH, :PATCH]
        assert (lit == (255 if part.kind == "images" else 0)).all(), (number, part)
        rest = frame.copy()
        rest[:PATCH, :PATCH] = BACKGROUND
        for image in part.images:
            shown = frame[regions[image]]
            same = np.array_equal(shown, stored[image])
            assert same == (part.kind == "images"), (number, part)
            assert (shown != BACKGROUND).any(), (number, part)
            rest[regions[image]] = BACKGROUND
        empty = (rest == BACKGROUND).all()
        assert empty == (part.kind != "fixation"), (number, part)
    question = window.frames[len(meant)]
    assert (question[:PATCH, :PATCH] == 0).all()
    assert (question[PATCH:, PATCH:] != BACKGROUND).any()


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""Trials at a real window, with every frame read back and compared with the planned one."""

import gc
from typing import ClassVar

import numpy as np

from psychophysics import experiment
from psychophysics.config import ExperimentConfig
from psychophysics.lab.calibration import IDENTITY
from psychophysics.lab.keys import Keys
from psychophysics.lab.person import Person
from psychophysics.lab.window import Screen, Window
from psychophysics.schedule import schedule
from psychophysics.trials import generate_trials

PIXELS, BACKGROUND, PATCH = (320, 240), 128, 20
TIMING = {"fixation": 0.05, "stimulus": 0.1, "blank": 0.05, "mask": 0.05, "interval": 0.05,
          "answer": 1 / 60}  # fmt: skip
DISPLAY = {"full_screen": False, "photodiode": {"size": PATCH, "corner": "top_left"}}
LAYOUTS = (
    ("oddity", "time"), ("oddity", "space"), ("match_to_sample", "time"),
    ("match_to_sample", "space"), ("same_different", "time"), ("same_different", "space"),
)  # fmt: skip


class RecordingWindow(Window):
    """Keeps every frame that it shows, and how many images it loads."""

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


class WatchedKeys(Keys):
    """Discards earlier frames when a trial begins, as it discards earlier presses."""

    def forget(self):
        super().forget()
        assert len(RecordingWindow.loaded) == 1
        RecordingWindow.loaded.clear()
        RecordingWindow.frames.clear()
        RecordingWindow.collecting.clear()


def check_all_layouts(path):
    """Show and check a trial of each layout."""
    configs = [
        ExperimentConfig.model_validate(
            {
                "task": task, "presentation": presentation, "timing": TIMING, "catch": 0,
                "practice": {"trials": 0}, "display": DISPLAY,
            }
        )
        for task, presentation in LAYOUTS
    ]  # fmt: skip
    screen = Screen(PIXELS, 53, 60, None)
    window = RecordingWindow(configs[0].display, screen, IDENTITY, paced=True)
    for config in configs:
        asked = experiment.prepare("small", 1, config, path)
        person = Person(
            window, WatchedKeys(window.handle), config, config.answer_keys, asked.stimuli.image,
            np.random.default_rng(1),
        )  # fmt: skip
        trial = next(generate_trials(asked.conditions, config, 1, [""]))
        answer = person.answer(trial)
        assert (answer.choice, answer.key, answer.response_time) == (None, None, None)
        stored = [asked.stimuli.image(image.stimulus_id) for image in trial.images]
        assert not window.loaded, "images were loaded in a timed interval"
        assert not any(window.collecting), "garbage was collected in a timed interval"
        assert gc.isenabled()
        check(window, schedule(config), stored)
    window.close()


def check(window, parts, stored):
    """Compare each frame with its part of the trial."""
    regions = [window.region(16, 16, place) for place in parts.places]
    expected = [part for part in parts.parts for _ in range(part.frames)]
    assert len(window.frames) > len(expected)
    for number, (part, frame) in enumerate(zip(expected, window.frames, strict=False)):
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
    question = window.frames[len(expected)]
    assert (question[:PATCH, :PATCH] == 0).all()
    assert (question[PATCH:, PATCH:] != BACKGROUND).any()

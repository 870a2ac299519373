"""Pictures of trials and pages for the manual: ``task_pictures.py STUDY FOLDER``.

A trial of each layout is shown in a real window; parts of its frames are put side by side. Without
a screen: ``xvfb-run -a -s "-screen 0 1024x768x24" python environment/task_pictures.py studies/demo
docs/pictures``.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from PIL import Image

from mrd.study.study import read_study
from psychophysics import experiment, pages
from psychophysics.config import ExperimentConfig
from psychophysics.experiment import Experiment
from psychophysics.lab.calibration import IDENTITY, Bytes
from psychophysics.lab.keys import Keys
from psychophysics.lab.person import Person
from psychophysics.lab.window import Screen, Window
from psychophysics.schedule import schedule
from psychophysics.trials import Trial, generate_trials

PIXELS, PAGE, GAP, MARGIN = (800, 600), (700, 420), 6, 16
SHORT = {"fixation": 0.1, "stimulus": 0.1, "blank": 0.1, "interval": 0.1, "answer": 1 / 60}
LAYOUTS = {
    "oddity": ("oddity", "time"),
    "oddity_space": ("oddity", "space"),
    "match_to_sample": ("match_to_sample", "space"),
    "same_different": ("same_different", "time"),
}


class RecordingWindow(Window):
    """A window that keeps every frame."""

    frames: ClassVar[list[Bytes]] = []

    def flip(self) -> float:
        """Keep the drawn frame, and show it."""
        self.frames.append(self.frame())
        return super().flip()


class RecordingKeys(Keys):
    """Keys that also start a new recording of frames at the start of a trial."""

    def forget(self) -> None:
        """Delete earlier presses and frames."""
        super().forget()
        RecordingWindow.frames.clear()


def main(study: Path, folder: Path) -> None:
    """Write all pictures."""
    described = read_study(study)
    for name, (task, presentation) in LAYOUTS.items():
        config = ExperimentConfig.model_validate(
            {
                "task": task, "presentation": presentation, "timing": SHORT, "catch": 0,
                "practice": {"trials": 0}, "attributes": ["material"], "comparisons": ["result"],
                "display": {"full_screen": False},
            }
        )  # fmt: skip
        prepared = experiment.prepare(described.name, 1, config, described.stimulus_set)
        window = RecordingWindow(config.display, Screen(PIXELS, 53, 60, None), IDENTITY, paced=True)
        _save(_parts(prepared, window), folder / f"{name}.png")
        if name == "oddity":
            _save(_pages(prepared, window), folder / "session_pages.png", smaller=2)
        window.close()


def _parts(prepared: Experiment, window: RecordingWindow) -> list[Bytes]:
    """Show a trial; return the cross, each part with images, and the question mark, cropped."""
    config, trial = prepared.config, _clearest(prepared)
    person = Person(
        window, RecordingKeys(window.handle), config, config.answer_keys, prepared.stimuli.image,
        np.random.default_rng(1),
    )  # fmt: skip
    person.answer(trial)
    laid_out = schedule(config)
    width, height = (size + 2 * MARGIN for size in prepared.image_size)
    starts = np.cumsum([0, *(part.frames for part in laid_out.parts)])
    made = [_cut(window.frames[0], (height, height))]
    for start, part in zip(starts, laid_out.parts, strict=False):
        if part.kind == "images":
            farthest = max(abs(laid_out.places[image][0]) for image in part.images)
            across = width + round(2 * farthest * prepared.image_size[0])
            made.append(_cut(window.frames[start], (across, height)))
    return [*made, _cut(window.frames[starts[-1]], (height, height))]


def _clearest(prepared: Experiment) -> Trial:
    """Return the first trial that compares the target with the farthest level."""
    trials = generate_trials(prepared.conditions, prepared.config, 1, [""])
    trial = next(trials)
    while trial.level < trial.condition.levels[-1] or not trial.arrangement.informative:
        trial = trials.send(True)
    return trial


def _pages(prepared: Experiment, window: RecordingWindow) -> list[Bytes]:
    trials = generate_trials(prepared.conditions, prepared.config, 1, [""])
    before, trial = next(trials), trials.send(True)
    made = []
    for text in (
        pages.instructions(prepared.config, prepared.task, prepared.config.answer_keys),
        pages.rest(before, trial, trial.remaining // 3, feedback=False),
        pages.paused(),
    ):
        window.draw_text(text)
        made.append(_cut(window.frame(), PAGE))
        window.flip()
    return made


def _cut(frame: Bytes, size: tuple[int, int]) -> Bytes:
    """Return the centre of a frame."""
    height, width = frame.shape[:2]
    left, top = (width - size[0]) // 2, (height - size[1]) // 2
    return frame[top : top + size[1], left : left + size[0]]


def _save(panels: Sequence[Bytes], path: Path, smaller: int = 1) -> None:
    """Write panels side by side, separated by white."""
    white = np.full((len(panels[0]), GAP * smaller, 3), 255, dtype=np.uint8)
    row = np.concatenate([part for panel in panels for part in (panel, white)][:-1], axis=1)
    picture = Image.fromarray(row)
    picture = picture.resize(
        (row.shape[1] // smaller, row.shape[0] // smaller), Image.Resampling.LANCZOS
    )
    picture.save(path, optimize=True)
    print(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

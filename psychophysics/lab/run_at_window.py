"""A session with a person: everything is checked, then the window opens, then the loop runs."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from psychophysics import experiment
from psychophysics.config import Display
from psychophysics.data import records
from psychophysics.experiment import Experiment, Seat
from psychophysics.lab import calibration
from psychophysics.lab.keys import Keys, check_names
from psychophysics.lab.person import Person
from psychophysics.lab.screen_checks import (
    check_card_fits,
    check_patch,
    check_rate,
    check_screen,
    check_size,
)
from psychophysics.lab.window import Screen, Window, check_display, screen_of, test_card
from psychophysics.schedule import schedule
from psychophysics.session import Outcome
from psychophysics.tasks.base import CENTRE
from scenes.base.errors import InputError
from stimuli.visual_angle import degrees


@dataclass(frozen=True)
class Setup:
    """A display on which an experiment can be shown."""

    experiment: Experiment
    display: Display
    screen: Screen
    table: calibration.Bytes
    calibration: dict[str, Any] | None
    paced: bool

    def facts(self, window: Window, keys: Keys, measured: float) -> dict[str, Any]:
        """Tell what the sidecar says of this sitting."""
        width, height = self.experiment.image_size
        pitch = self.screen.width / self.screen.pixels[0]
        return {
            "Display": {
                "Pixels": list(window.size),
                "WidthCm": self.screen.width,
                "DistanceCm": self.screen.distance,
                "Monitor": self.screen.monitor,
                "FullScreen": self.display.full_screen,
                "StimulusDegrees": [
                    degrees(pixels, distance=10 * self.screen.distance, pitch=10 * pitch)
                    for pixels in (width, height)
                ],
                "RefreshRateStated": self.display.refresh_rate,
                "RefreshRateMeasured": round(measured, 3),
                "SoftwarePacer": self.paced,
                "Calibration": self.calibration,
                "PixelExact": True,
                "Keyboard": keys.backend,
            }
        }


def set_up(
    asked: Experiment, folder: Path, *, uncalibrated: bool, paced: bool, windowed: bool
) -> Setup:
    """Check all that can be checked before a window opens.

    Parameters
    ----------
    asked
        The experiment.
    folder
        Of the study.
    uncalibrated
        Take the display to be sRGB.
    paced
        Let a software pacer stand in for vertical sync.
    windowed
        Open a window instead of the full screen.

    Raises
    ------
    InputError
        There is no display, no PsychoPy, no calibration, no such key, or images do not fit.
    """
    check_display()
    check_names(asked.config.answer_keys)
    display = asked.config.display
    if windowed:
        display = display.model_copy(update={"full_screen": False})
    screen = screen_of(display)
    experiment.check_fits(asked, screen.pixels)
    check_card_fits(screen.pixels)
    if display.photodiode:
        places = schedule(asked.config).places
        check_patch(display.photodiode, screen.pixels, asked.image_size, places)
    check_screen(display, screen.pixels)
    path = folder / display.calibration
    if uncalibrated:
        return Setup(asked, display, screen, calibration.IDENTITY, None, paced)
    if not path.is_file():
        raise InputError(
            f"{path}: this display is not calibrated; run mrd calibrate STUDY, or start with "
            "--uncalibrated, which is recorded"
        )
    table, facts = calibration.load(path).table, records.read_json(path)
    return Setup(asked, display, screen, table, facts, paced)


def run(
    setup: Setup,
    participant: str,
    visit: str,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run a session, or go on with it.

    Parameters
    ----------
    setup
        The display.
    participant, visit
        Codes.
    folder
        Of the data.
    say
        Takes lines for the experimenter (`psychophysics.experiment.seated`).

    Raises
    ------
    InputError
        Anything that keeps the session from being shown as the study says.
    """
    asked = setup.experiment
    seat = experiment.seated(asked, folder, participant, visit, "person", say)
    experiment.check_open(asked, seat, folder)
    window = Window(setup.display, setup.screen, setup.table, paced=setup.paced)
    try:
        check_size(window.given, setup.screen.pixels)
        measured = window.refresh_rate()
        if not setup.paced:  # a pacer keeps the stated rate, or the row tells of missed frames
            check_rate(measured, setup.display)
        _check_exact(asked, window)
        keys = Keys(window.handle)

        def person(seat: Seat, rng: np.random.Generator) -> Person:
            return Person(window, keys, asked.config, seat.keys, asked.stimuli.image, rng)

        return experiment.run(asked, seat, folder, person, setup.facts(window, keys, measured))
    finally:
        window.close()


def _check_exact(asked: Experiment, window: Window) -> None:
    """Compare what the window shows with what was given: a test card, and stored images."""
    window.check_exact(test_card(), CENTRE, "test card")
    condition = asked.conditions[0]
    image = next(iter(condition.target_images.values()))[0].stimulus_id
    for place in sorted(set(schedule(asked.config).places)):
        window.check_exact(asked.stimuli.image(image), place, image)

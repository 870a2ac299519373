"""Sessions of people at a window."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from psychophysics import experiment
from psychophysics.config import DisplayConfig
from psychophysics.data.json_files import read_json
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
    """An experiment and the display that shows it."""

    experiment: Experiment
    display: DisplayConfig
    screen: Screen
    table: calibration.Bytes
    calibration: dict[str, Any] | None
    paced: bool

    def facts(self, window: Window, keys: Keys, measured: float) -> dict[str, Any]:
        """Return the sidecar's entries on this start; `measured` is the refresh rate in Hz."""
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


def prepare(
    asked: Experiment, folder: Path, *, uncalibrated: bool, paced: bool, windowed: bool
) -> Setup:
    """Check an experiment and its display before a window opens.

    Parameters
    ----------
    asked
        The experiment.
    folder
        Folder of the study.
    uncalibrated
        Assume that the display is sRGB.
    paced
        Use a software pacer instead of vertical sync.
    windowed
        Use a window instead of the full screen.

    Raises
    ------
    InputError
        There is no display, PsychoPy or calibration, a key has an unknown name, or the images do
        not fit.
    """
    check_display()
    check_names(asked.config.answer_keys)
    display = asked.config.display
    if windowed:
        display = display.model_copy(update={"full_screen": False})
    screen = screen_of(display)
    experiment.check_images_fit(asked, screen.pixels)
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
    table, facts = calibration.load(path).table, read_json(path)
    return Setup(asked, display, screen, table, facts, paced)


def run(
    setup: Setup,
    participant: str,
    visit: str,
    folder: Path,
    say: Callable[[str], None] = lambda _: None,
) -> Outcome:
    """Run or resume a session of a person.

    Parameters
    ----------
    setup
        Experiment and display.
    participant, visit
        Codes of participant and session.
    folder
        Data folder.
    say
        Called with each line of text for the experimenter (see `psychophysics.experiment.seat`).

    Raises
    ------
    InputError
        The session cannot be shown as the study states.
    """
    asked = setup.experiment
    seat = experiment.seat(asked, folder, participant, visit, "person", say)
    experiment.check_open(asked, seat, folder)
    window = Window(setup.display, setup.screen, setup.table, paced=setup.paced)
    try:
        check_size(window.given, setup.screen.pixels)
        measured = window.refresh_rate()
        if not setup.paced:  # a pacer keeps the stated rate, or frames are dropped
            check_rate(measured, setup.display)
        _check_exact(asked, window)
        keys = Keys(window.handle)

        def person(seat: Seat, rng: np.random.Generator) -> Person:
            return Person(window, keys, asked.config, seat.keys, asked.stimuli.image, rng)

        return experiment.run(asked, seat, folder, person, setup.facts(window, keys, measured))
    finally:
        window.close()


def _check_exact(asked: Experiment, window: Window) -> None:
    """Raise if the window does not show a test card and stored images exactly."""
    window.check_exact(test_card(), CENTRE, "test card")
    condition = asked.conditions[0]
    image = next(iter(condition.target_images.values()))[0].stimulus_id
    for place in sorted(set(schedule(asked.config).places)):
        window.check_exact(asked.stimuli.image(image), place, image)

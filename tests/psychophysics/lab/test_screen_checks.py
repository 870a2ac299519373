"""Screens and windows: what does not exist or does not fit is refused."""

import os
import subprocess
import sys

import numpy as np
import pytest

from psychophysics.config import PhotodiodeConfig
from psychophysics.lab.screen_checks import check_card_fits, check_patch, check_size, remedy
from psychophysics.lab.window import test_card as card
from scenes.base.errors import InputError

WINDOWS = """
import subprocess, sys
from psychophysics.lab.calibration import IDENTITY
from psychophysics.config import DisplayConfig
from psychophysics.lab.screen_checks import check_size
from psychophysics.lab.window import Screen, Window
from scenes.base.errors import InputError

for screen, full, pixels in (
    (0, False, (640, 480)), (1, True, (800, 600)), (1, False, (301, 257)), (0, True, (640, 480)),
    (2, False, (640, 480)), (1, False, (801, 300)),
):
    try:
        display = DisplayConfig(screen=screen, full_screen=full)
        window = Window(display, Screen(pixels, 53, 60, None), IDENTITY, paced=True)
        window.flip()
        print(*window.given)
        check_size(window.given, pixels)
        if pixels == (640, 480):
            found = subprocess.run(["xdotool", "search", "--name", "PsychoPy"],
                                   capture_output=True, text=True, check=True).stdout.split()[-1]
            subprocess.run(["xdotool", "windowsize", "--sync", found, "500", "400"], check=True)
            check_size(window.given, pixels)
    except InputError as error:
        print(error)
    else:
        window.close()
"""


def test_real_screens_that_do_not_exist_and_windows_that_do_not_fit(screen):
    """Two screens, as two monitors are on a desk: 1024 × 768 and 800 × 600."""
    reading, writing = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(writing), "+xinerama", "-screen", "0", "1024x768x24",
         "-screen", "1", "800x600x24", "-nolisten", "tcp"],
        pass_fds=[writing], stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(writing)
    with os.fdopen(reading) as pipe:
        number = pipe.readline().strip()
    try:
        done = subprocess.run(
            [sys.executable, "-c", WINDOWS], env=screen | {"DISPLAY": f":{number}"},
            capture_output=True, text=True, timeout=170, check=False,
        )  # fmt: skip
    finally:
        server.terminate()
        server.wait(10)
    assert done.returncode == 0, done.stderr
    stated = "experiment.display.pixels: {} are stated, and"
    ending = "; state the screen's own resolution, and turn off scaling of the desktop"
    assert done.stdout.splitlines() == [
        "640 480",
        f"{stated.format('640 × 480')} the window has 500 × 400{ending}",
        "800 600",
        "301 257",
        "1024 768",
        f"{stated.format('640 × 480')} the window has 1024 × 768{ending}",
        "experiment.display.screen: there is no screen 2; this computer has 2 (0: 1024 × 768, "
        "1: 800 × 600); connect it, or state one of these",
        f"{stated.format('801 × 300')} screen 1 has 800 × 600; state at most these, or use a "
        "larger screen",
    ]


@pytest.mark.parametrize("pixels", [(240, 240), (1000, 255), (255, 1000)])
def test_a_window_smaller_than_the_test_card_is_refused(pixels):
    check_card_fits((256, 256))
    with pytest.raises(InputError, match=r"the test card that checks the window needs 256 × 256"):
        check_card_fits(pixels)


def test_sizes_have_to_be_those_stated():
    check_size((640, 480), (640, 480))
    with pytest.raises(InputError, match=r"640 × 480 are stated, and the window has 640 × 479"):
        check_size((640, 479), (640, 480))


def test_a_patch_that_covers_an_image_is_refused():
    """Images of 100 × 50, one in the middle and one to the right, in a window of 400 × 300."""
    places = ((0.0, 0.0), (1.0, 0.0))
    for corner, most in (("top_left", 150), ("bottom_left", 150), ("top_right", 125)):
        fits, covers = (PhotodiodeConfig(size=most + n, corner=corner) for n in (0, 1))
        check_patch(fits, (400, 300), (100, 50), places)
        with pytest.raises(InputError, match=rf"{most + 1} pixels .* use at most {most},"):
            check_patch(covers, (400, 300), (100, 50), places)


def test_what_to_do_follows_from_how_a_frame_differs(rng):
    meant = card()
    curve = np.round(255 * (np.arange(256) / 255) ** 1.1).astype(np.uint8)
    assert "colour management" in remedy(curve[meant], meant)
    assert "colour management" not in remedy(np.roll(meant, 1, axis=0), meant)
    assert "dithering and scaling" in remedy(
        meant ^ rng.integers(0, 2, meant.shape, dtype=np.uint8), meant
    )
    assert "nothing of it was drawn" in remedy(np.zeros_like(meant), meant)

"""What is checked of screens, clock and frames, so that a session is shown as the study says."""

import sys
from collections.abc import Sequence

import numpy as np

from psychophysics.config import Display, PhotodiodeConfig
from psychophysics.lab.calibration import Bytes
from psychophysics.tasks.base import Place
from scenes.base.errors import InputError

CARD = 256  # pixels: side of the test card
# A measured refresh rate this far from the nominal one, as a share, is another one.
RATE_TOLERANCE = 0.03


def screens(number: int) -> list[tuple[int, int]]:
    """List the screens that PsychoPy may choose `number` from: width and height of each.

    An X server can have several screens, or one that several displays share.
    """
    from pyglet import canvas

    if not sys.platform.startswith("linux"):
        return [(each.width, each.height) for each in canvas.get_display().get_screens()]
    from pyglet.canvas.xlib import NoSuchDisplayException

    found: list[tuple[int, int]] = []
    try:
        for own in range(number + 1):
            there = [(e.width, e.height) for e in canvas.Display(x_screen=own).get_screens()]
            found = there if own == 0 else [*found[:own], *there]
    except NoSuchDisplayException:
        pass  # there are no more
    return found


def check_screen(display: Display, pixels: tuple[int, int]) -> None:
    """Find out before a window opens whether its screen exists, and whether it fits there."""
    found = screens(display.screen)
    if display.screen >= len(found):
        there = ", ".join(f"{n}: {wide} × {high}" for n, (wide, high) in enumerate(found))
        raise InputError(
            f"experiment.display.screen: there is no screen {display.screen}; this computer has "
            f"{len(found)} ({there}); connect it, or state one of these"
        )
    wide, high = found[display.screen]
    # A Mac counts screens in points and windows in pixels; so does Windows, with a scaled desktop,
    # until PsychoPy is loaded. `check_size` compares the window once it is open.
    if sys.platform not in ("darwin", "win32") and (pixels[0] > wide or pixels[1] > high):
        raise InputError(
            f"experiment.display.pixels: {pixels[0]} × {pixels[1]} are stated, and screen "
            f"{display.screen} has {wide} × {high}; state at most so many, or use a larger screen"
        )


def check_card_fits(pixels: tuple[int, int]) -> None:
    """Find out whether the test card fits into a window."""
    if min(pixels) < CARD:
        raise InputError(
            f"experiment.display.pixels: {pixels[0]} × {pixels[1]}, and the test card that checks "
            f"the window needs {CARD} × {CARD}; use a larger window"
        )


def _is_curve(of: Bytes, shown: Bytes) -> bool:
    """Tell whether each value is always shown as the same one, and a larger one never as less."""
    pairs = np.unique(np.stack([of.ravel(), shown.ravel()]), axis=1)  # sorted
    return len(np.unique(of)) == pairs.shape[1] and bool((np.diff(pairs[1].astype(int)) >= 0).all())


def remedy(shown: Bytes, meant: Bytes) -> str:
    """Say what to do about a frame that differs from what is meant, by the kind of difference."""
    if np.ptp(shown, axis=(0, 1)).max() == 0:
        return "nothing of it was drawn: update the graphics driver"
    if all(_is_curve(meant[..., gun], shown[..., gun]) for gun in range(3)):
        return "each value is shown as another: turn off colour management (profile, night mode)"
    return "turn off dithering and scaling of the display, or update the graphics driver"


def check_patch(
    patch: PhotodiodeConfig,
    pixels: tuple[int, int],
    image: tuple[int, int],
    places: Sequence[Place],
) -> None:
    """Find out whether the photodiode's patch leaves the images free."""
    side = 1 if "right" in patch.corner else -1
    up = 1 if "top" in patch.corner else -1
    for x, y in places:
        across = pixels[0] / 2 - (side * round(x * image[0]) + image[0] / 2)
        down = pixels[1] / 2 - (up * round(y * image[1]) + image[1] / 2)
        if across < patch.size and down < patch.size:
            raise InputError(
                f"experiment.display.photodiode.size: {patch.size} pixels in the corner "
                f"{patch.corner} would cover a part of an image; use at most "
                f"{int(max(across, down))}, or a larger window"
            )


def check_size(size: tuple[int, int], stated: tuple[int, int]) -> None:
    """Compare the window's size with the study's: visual angles follow from it."""
    if size != stated:
        raise InputError(
            f"experiment.display.pixels: {stated[0]} × {stated[1]} are stated, and "
            f"the window has {size[0]} × {size[1]}; state the screen's own resolution, and turn "
            "off scaling of the desktop"
        )


def check_rate(measured: float, display: Display) -> None:
    """Compare the measured refresh rate with the study's."""
    if abs(measured / display.refresh_rate - 1) > RATE_TOLERANCE:
        raise InputError(
            f"experiment.display.refresh_rate: {measured:.1f} frames a second were measured, "
            f"{display.refresh_rate:g} are stated; set it to the display's, turn on vertical "
            "sync, or allow a software pacer (--pace), which is for trying out"
        )

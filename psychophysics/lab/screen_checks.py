"""Checks that the screen shows a session as the study states."""

import sys
from collections.abc import Sequence

import numpy as np

from psychophysics.config import DisplayConfig, PhotodiodeConfig
from psychophysics.lab.calibration import Bytes
from psychophysics.tasks.base import Place
from scenes.base.errors import InputError

CARD = 256  # side of the test card in pixels
RATE_TOLERANCE = 0.03  # largest difference of measured and stated refresh rate, as a share


def screens(number: int) -> list[tuple[int, int]]:
    """Return width and height of each screen in PsychoPy's order, at least up to number `number`.

    An X server can have several screens, or one screen that several displays share.
    """
    from pyglet import canvas

    if not sys.platform.startswith("linux"):
        return [(each.width, each.height) for each in canvas.get_display().get_screens()]
    from pyglet.canvas.xlib import NoSuchDisplayException

    found: list[tuple[int, int]] = []
    try:
        for first in range(number + 1):
            sizes = [(e.width, e.height) for e in canvas.Display(x_screen=first).get_screens()]
            found = [*found[:first], *sizes]
    except NoSuchDisplayException:
        pass  # no more screens
    return found


def check_screen(display: DisplayConfig, pixels: tuple[int, int]) -> None:
    """Raise if the window's screen does not exist or is smaller than the window."""
    found = screens(display.screen)
    if display.screen >= len(found):
        listed = ", ".join(f"{n}: {wide} × {high}" for n, (wide, high) in enumerate(found))
        raise InputError(
            f"experiment.display.screen: there is no screen {display.screen}; this computer has "
            f"{len(found)} ({listed}); connect it, or state one of these"
        )
    wide, high = found[display.screen]
    # A Mac counts screens in points and windows in pixels; so does Windows, with a scaled desktop,
    # until PsychoPy is loaded. `check_size` compares the window once it is open.
    if sys.platform not in ("darwin", "win32") and (pixels[0] > wide or pixels[1] > high):
        raise InputError(
            f"experiment.display.pixels: {pixels[0]} × {pixels[1]} are stated, and screen "
            f"{display.screen} has {wide} × {high}; state at most these, or use a larger screen"
        )


def check_card_fits(pixels: tuple[int, int]) -> None:
    """Raise if the test card is larger than a window."""
    if min(pixels) < CARD:
        raise InputError(
            f"experiment.display.pixels: {pixels[0]} × {pixels[1]}, and the test card that checks "
            f"the window needs {CARD} × {CARD}; use a larger window"
        )


def _is_monotone_map(meant: Bytes, shown: Bytes) -> bool:
    """Return whether the shown value depends on the intended one alone, and never falls with it."""
    pairs = np.unique(np.stack([meant.ravel(), shown.ravel()]), axis=1)  # sorted
    rises = bool((np.diff(pairs[1].astype(int)) >= 0).all())
    return len(np.unique(meant)) == pairs.shape[1] and rises


def remedy(shown: Bytes, meant: Bytes) -> str:
    """Return advice on a frame that differs from the intended one, by the kind of difference."""
    if np.ptp(shown, axis=(0, 1)).max() == 0:
        return "nothing of it was drawn: update the graphics driver"
    if all(_is_monotone_map(meant[..., gun], shown[..., gun]) for gun in range(3)):
        return "each value is shown as another: turn off colour management (profile, night mode)"
    return "turn off dithering and scaling of the display, or update the graphics driver"


def check_patch(
    patch: PhotodiodeConfig,
    pixels: tuple[int, int],
    image: tuple[int, int],
    places: Sequence[Place],
) -> None:
    """Raise if the photodiode's patch covers a part of an image."""
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
    """Raise if the window's size is not the stated one, from which visual angles are computed."""
    if size != stated:
        raise InputError(
            f"experiment.display.pixels: {stated[0]} × {stated[1]} are stated, and "
            f"the window has {size[0]} × {size[1]}; state the screen's own resolution, and turn "
            "off scaling of the desktop"
        )


def check_rate(measured: float, display: DisplayConfig) -> None:
    """Raise if the measured refresh rate is not the stated one."""
    if abs(measured / display.refresh_rate - 1) > RATE_TOLERANCE:
        raise InputError(
            f"experiment.display.refresh_rate: {measured:.1f} frames a second were measured, "
            f"{display.refresh_rate:g} are stated; set it to the display's, turn on vertical "
            "sync, or use a software pacer (--pace) for tests"
        )

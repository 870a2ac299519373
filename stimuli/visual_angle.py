"""Degrees of visual angle from pixels, viewing distance and pixel pitch.

The screen is flat and seen straight on, with the stimulus centred on the line of sight: an extent
s at viewing distance d has the angle 2·atan(s / 2d).
"""

import math

from scenes.base.errors import InputError


def degrees(pixels: float, distance: float, pitch: float) -> float:
    """Return the visual angle of a number of pixels.

    Parameters
    ----------
    pixels
        Width or height on the screen, from 0.
    distance
        From the eye to the screen, mm, above 0.
    pitch
        Distance of neighbouring pixels' centres, mm, above 0.

    Returns
    -------
    float
        Degrees, 0 to below 180.

    Raises
    ------
    InputError
        A value is out of its range.
    """
    if not (math.isfinite(pixels) and pixels >= 0):
        raise InputError(f"size {pixels:g} is out of range; allowed: 0 and more")
    for name, value in (("distance", distance), ("pitch", pitch)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} {value:g} mm is out of range; allowed: above 0")
    return math.degrees(2 * math.atan(pixels * pitch / (2 * distance)))

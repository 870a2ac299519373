"""Size in degrees of visual angle, from pixels, viewing distance and pixel pitch; and back.

A flat screen is seen straight on, its stimulus centred on the line of sight: an extent s at
distance d has the angle 2·atan(s / 2d).
"""

import math

from scenes.errors import InputError


def degrees(pixels: float, distance: float, pitch: float) -> float:
    """Angle that a number of pixels covers.

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
    _check(pixels=pixels, distance=distance, pitch=pitch)
    return math.degrees(2 * math.atan(pixels * pitch / (2 * distance)))


def pixels(angle: float, distance: float, pitch: float) -> float:
    """Pixels that cover an angle: the inverse of `degrees`, not rounded.

    Parameters
    ----------
    angle
        Degrees, 0 to below 180.
    distance, pitch
        As for `degrees`.

    Raises
    ------
    InputError
        A value is out of its range.
    """
    _check(pixels=angle, distance=distance, pitch=pitch)
    if angle >= 180:
        raise InputError(f"angle {angle:g} is out of range; allowed: 0 to below 180 degrees")
    return 2 * distance * math.tan(math.radians(angle) / 2) / pitch


def distance_for(angle: float, pixels: float, pitch: float) -> float:
    """Viewing distance in mm at which a number of pixels covers an angle.

    Parameters
    ----------
    angle
        Degrees, above 0 and below 180.
    pixels, pitch
        As for `degrees`.

    Raises
    ------
    InputError
        A value is out of its range.
    """
    _check(pixels=pixels, distance=1, pitch=pitch)
    if not 0 < angle < 180:
        raise InputError(f"angle {angle:g} is out of range; allowed: above 0 to below 180 degrees")
    return pixels * pitch / (2 * math.tan(math.radians(angle) / 2))


def _check(pixels: float, distance: float, pitch: float) -> None:
    if not (math.isfinite(pixels) and pixels >= 0):
        raise InputError(f"size {pixels:g} is out of range; allowed: 0 and more")
    for name, value in (("distance", distance), ("pitch", pitch)):
        if not (math.isfinite(value) and value > 0):
            raise InputError(f"{name} {value:g} mm is out of range; allowed: above 0")

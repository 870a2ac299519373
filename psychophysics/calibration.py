"""The display: what its pixel values give in light, and the one table that corrects them.

A stimulus set is sRGB-encoded. `mrd calibrate` shows patches, takes a reading of each, fits a gamma
function to each gun, and saves one look-up table from sRGB values to values of this display; every
image goes through it on its way to the window. PsychoPy is needed to show patches alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.optimize import curve_fit

from psychophysics.records import read_json, write_json
from scenes.errors import InputError, needs

SCHEMA_VERSION = 1
GUNS = ("red", "green", "blue")
VALUES = 256  # of the display, 8 bits a gun
LEAST_READINGS = 5
HEADER = ("gun", "value", "luminance")  # of a file of readings

Floats = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Gun:
    """Light of one gun: dark + range · (value / 255)^gamma, in cd/m²."""

    dark: float
    range: float
    gamma: float

    def light(self, values: Floats) -> Floats:
        """Luminance of values 0 to 1."""
        return self.dark + self.range * np.power(values, self.gamma)


@dataclass(frozen=True)
class Calibration:
    """A measured display.

    Parameters
    ----------
    guns
        Red, green, blue.
    table
        (256, 3) uint8: the display's value for every 8-bit sRGB value, so that light above the
        dark level is proportional to linear sRGB.
    facts
        Readings, date, instrument: what was done.
    """

    guns: tuple[Gun, Gun, Gun]
    table: Bytes
    facts: dict[str, Any]

    def largest_error(self) -> float:
        """Largest difference of light shown from light meant, as a share of a gun's range."""
        meant = _linear(np.arange(VALUES) / (VALUES - 1))
        return max(
            float(np.abs(np.power(self.table[:, number] / 255, gun.gamma) - meant).max())
            for number, gun in enumerate(self.guns)
        )


IDENTITY: Bytes = np.repeat(np.arange(VALUES, dtype=np.uint8)[:, None], 3, axis=1)
"""The table of a display that is taken to be sRGB."""


def on_display(image: npt.NDArray[Any], table: Bytes) -> Bytes:
    """Turn a stored image into what is given to the display.

    Parameters
    ----------
    image
        (H, W, 3), uint8 or uint16, sRGB-encoded.
    table
        (256, 3), from sRGB to the display. 16-bit images are rounded to it: PsychoPy's windows
        hold 8 bits a gun.

    Returns
    -------
    ndarray
        (H, W, 3) uint8.
    """
    rounded = image if image.dtype == np.uint8 else np.round(image / 257).astype(np.uint8)
    return np.stack([table[rounded[..., gun], gun] for gun in range(3)], axis=-1)


def fitted(readings: dict[str, list[tuple[int, float]]], facts: dict[str, Any]) -> Calibration:
    """Fit a gamma function to each gun, and make the table.

    Parameters
    ----------
    readings
        By gun (red, green, blue): pixel value 0 to 255, and luminance in cd/m².
    facts
        What else is kept with it.

    Raises
    ------
    InputError
        A gun is missing, has fewer than five readings, or readings that no display gives.
    """
    guns = [_gun(name, readings.get(name, [])) for name in GUNS]
    meant = _linear(np.arange(VALUES) / (VALUES - 1))
    table = np.stack([np.power(meant, 1 / gun.gamma) for gun in guns], axis=-1)
    return Calibration(
        (guns[0], guns[1], guns[2]),
        np.round(table * 255).astype(np.uint8),
        {**facts, "readings": {name: [list(pair) for pair in readings[name]] for name in GUNS}},
    )


def _linear(display: Floats) -> Floats:
    """Linear light of sRGB values 0 to 1 (IEC 61966-2-1)."""
    return np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)


def _gun(name: str, readings: Sequence[tuple[int, float]]) -> Gun:
    if len(readings) < LEAST_READINGS:
        raise InputError(
            f"calibration: {name} has {len(readings)} readings; take at least {LEAST_READINGS}"
        )
    values = np.array([value for value, _ in readings], dtype=float) / 255
    light = np.array([reading for _, reading in readings], dtype=float)
    if not np.isfinite(light).all() or (light < 0).any():
        raise InputError(f"calibration: {name} has a reading that is no luminance of 0 or more")
    if values.max() < 1 or np.ptp(light) == 0 or light[values.argmax()] <= light[values.argmin()]:
        raise InputError(
            f"calibration: {name} does not grow from dark to 255; check the instrument, and "
            "measure 255 too"
        )
    start = (light.min(), float(np.ptp(light)), 2.2)
    try:
        (dark, span, gamma), _ = curve_fit(
            lambda value, dark, span, gamma: dark + span * np.power(value, gamma),
            values,
            light,
            p0=start,
            bounds=([0, 0, 0.5], [np.inf, np.inf, 6]),
        )
    except RuntimeError as error:
        raise InputError(f"calibration: {name} follows no gamma function; measure again") from error
    return Gun(float(dark), float(span), float(gamma))


def save(calibration: Calibration, path: Path) -> None:
    """Write a calibration as JSON."""
    write_json(
        path,
        {
            "schema_version": SCHEMA_VERSION,
            "guns": {
                name: {"dark": gun.dark, "range": gun.range, "gamma": gun.gamma}
                for name, gun in zip(GUNS, calibration.guns, strict=True)
            },
            "table": calibration.table.tolist(),
            "facts": calibration.facts,
        },
    )


def load(path: Path) -> Calibration:
    """Read a calibration.

    Raises
    ------
    InputError
        The file is missing or holds no calibration of this version.
    """
    content = read_json(path)
    try:
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {content['schema_version']}")
        table = np.array(content["table"])
        if table.shape != IDENTITY.shape or table.min() < 0 or table.max() > 255:
            raise ValueError("the table is not 256 × 3 values of 0 to 255")
        red, green, blue = (Gun(**content["guns"][name]) for name in GUNS)
        return Calibration((red, green, blue), table.astype(np.uint8), content["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: is no calibration of this version ({error}); run mrd calibrate again"
        ) from error


def read_readings(path: Path) -> dict[str, list[tuple[int, float]]]:
    """Read readings from a CSV file: the header gun,value,luminance, then a line a reading.

    Raises
    ------
    InputError
        The file is missing, it has no header, or a line of it is not such a reading.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from error
    first = lines[0] if lines else ""
    if tuple(cell.strip().lower() for cell in first.split(",")) != HEADER:
        raise InputError(
            f"{path}:1: '{first}' is not the header; write {','.join(HEADER)} in the first line, "
            "and a reading in each other line"
        )
    readings: dict[str, list[tuple[int, float]]] = {name: [] for name in GUNS}
    for number, line in enumerate(lines[1:], start=2):
        cells = [cell.strip() for cell in line.split(",")]
        try:
            gun, value, light = cells[0], int(cells[1]), float(cells[2])
            if len(cells) != 3 or gun not in GUNS or not 0 <= value <= 255:
                raise ValueError
        except (ValueError, IndexError) as error:
            raise InputError(
                f"{path}:{number}: '{line}' is no reading; write gun,value,luminance, such as "
                "red,128,17.3 (guns: red, green, blue; values 0 to 255; cd/m²)"
            ) from error
        readings[gun].append((value, light))
    return readings


def patch_values(count: int) -> list[int]:
    """Values of the patches of a gun: `count` of them, evenly from 0 to 255."""
    return [round(value) for value in np.linspace(0, VALUES - 1, count)]


def photometer(name: str, port: str | None) -> Callable[[], float]:
    """Find a photometer that PsychoPy supports.

    Parameters
    ----------
    name
        As PsychoPy calls it, such as ``LS100`` or ``ColorCAL``.
    port
        Serial port; without it all are tried.

    Returns
    -------
    callable
        Takes a reading, in cd/m².

    Raises
    ------
    InputError
        There is none, PsychoPy knows no such kind, or it is not installed.
    """
    with needs("lab"):
        from psychopy import hardware

    found = hardware.findPhotometer(ports=port, device=name)
    if found is None:
        raise InputError(
            f"no photometer '{name}' answers{f' at {port}' if port else ''}; check cable and "
            "power, or type the readings (--typed), or give them in a file (--readings)"
        )

    def reading() -> float:
        return float(found.getLum())

    return reading

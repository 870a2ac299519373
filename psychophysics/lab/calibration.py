"""Calibration of a display: curves of its guns, and the table that corrects images.

A gun is a colour channel of the display: red, green or blue.

A stimulus set is sRGB-encoded. `mrd calibrate` fits a curve to the readings of each gun and saves a
look-up table from sRGB values to values of the display, which is applied to every image.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from psychophysics.data.json_files import read_json, write_json
from psychophysics.lab.clock import use_monotonic_clock
from psychophysics.lab.display_curve import (
    GAMMAS,
    INTERPOLATED,
    LARGEST,
    RELATIVE,
    Floats,
    Gun,
    Misfit,
    curve,
)
from psychophysics.lab.photometer_readings import (
    GUNS,
    WHITE,
    Reading,
    average,
    check_dark,
    label,
)
from scenes.base.errors import InputError, needs

SCHEMA_VERSION = 1
KEPT = ("dark", "range", "gamma")  # entries of each gun that every file has
VALUES = 256  # of the display, 8 bits a gun
ADDITIVE = LARGEST * RELATIVE  # largest difference of white from the sum of guns, as a share

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Residual:
    """Difference of a reading from its gun's curve."""

    gun: str
    value: int
    light: float  # cd/m²
    steps: float  # of sRGB, of which white has 255


@dataclass(frozen=True)
class Calibration:
    """A measured display.

    Parameters
    ----------
    guns
        Curves of red, green and blue.
    table
        (256, 3) uint8: the display's value for every 8-bit sRGB value, so that light above the
        dark level is proportional to linear sRGB.
    facts
        Readings, date and instrument.
    """

    guns: tuple[Gun, Gun, Gun]
    table: Bytes
    facts: dict[str, Any]

    def residuals(self) -> list[Residual]:
        """Return the reading of each gun farthest from its curve, and the largest `steps`."""
        found = []
        for name, gun in zip(GUNS, self.guns, strict=True):
            values, light = self._readings(name)
            fitted = gun.light(values / 255)
            steps = np.abs(_steps(light, gun) - _steps(fitted, gun))
            far = int(np.abs(light - fitted).argmax())
            off = float(light[far] - fitted[far])
            found.append(Residual(name, int(values[far]), off, float(steps.max())))
        return found

    def largest_error(self) -> float:
        """Return the largest difference of shown from intended light, as a share of a gun's range.

        The shown light is the gun's curve plus the residuals of its readings, linearly
        interpolated.
        """
        meant = _linear(np.arange(VALUES) / (VALUES - 1))
        errors = []
        for number, (name, gun) in enumerate(zip(GUNS, self.guns, strict=True)):
            values, light = self._readings(name)
            shown = self.table[:, number] / 255
            off = np.interp(shown, values / 255, light - gun.light(values / 255))
            errors.append(np.abs((gun.light(shown) + off - gun.dark) / gun.range - meant).max())
        return float(max(errors))

    def _readings(self, gun: str) -> tuple[Floats, Floats]:
        """Return the pixel values of a gun's readings, and the mean luminance at each."""
        pairs = np.array(self.facts["readings"][gun], dtype=float)
        values = np.unique(pairs[:, 0])
        return values, np.array([pairs[pairs[:, 0] == value, 1].mean() for value in values])


IDENTITY: Bytes = np.repeat(np.arange(VALUES, dtype=np.uint8)[:, None], 3, axis=1)
"""The table of a display that is assumed to be sRGB."""


def on_display(image: npt.NDArray[Any], table: Bytes) -> Bytes:
    """Return an image (H, W, 3), uint8 or uint16 sRGB, as uint8 values of the display."""
    rounded = image if image.dtype == np.uint8 else np.round(image / 257).astype(np.uint8)
    return np.stack([table[rounded[..., gun], gun] for gun in range(3)], axis=-1)


def fit(
    readings: Mapping[str, Sequence[Reading | tuple[int, float]]], facts: dict[str, Any]
) -> Calibration:
    """Fit the curve of each gun, and compute the table.

    Parameters
    ----------
    readings
        Readings of each gun (red, green, blue; white if it was measured): pixel value 0 to 255,
        luminance in cd/m², and its line in a file.
    facts
        Further facts to save.

    Raises
    ------
    InputError
        A gun is missing or has fewer than five values, a reading does not agree with the others,
        the readings follow no curve, or the guns do not add up to white.
    """
    by_gun = {gun: [Reading(*each) for each in some] for gun, some in readings.items()}
    means = {gun: average(gun, by_gun.get(gun, [])) for gun in GUNS}
    red, green, blue = (_gun(name, means[name]) for name in GUNS)
    check_dark(means)
    _check_white((red, green, blue), by_gun.get(WHITE, []))
    meant = _linear(np.arange(VALUES) / (VALUES - 1))
    table = np.stack([nearest(gun, meant) for gun in (red, green, blue)], axis=-1)
    pairs = {gun: [[each.value, each.light] for each in some] for gun, some in by_gun.items()}
    return Calibration((red, green, blue), table, {**facts, "readings": pairs})


def nearest(gun: Gun, meant: Floats) -> Bytes:
    """Return, for each share of a gun's range of light, the pixel value with the nearest light."""
    shares = (gun.light(np.arange(VALUES) / 255) - gun.dark) / gun.range
    return np.abs(shares[None, :] - meant[:, None]).argmin(axis=1).astype(np.uint8)


def _gun(name: str, readings: Sequence[Reading]) -> Gun:
    values = np.array([reading.value for reading in readings]) / 255
    light = np.array([reading.light for reading in readings])
    if light[-1] <= light[0]:
        raise InputError(
            f"{label(name, readings[-1])}, and at 0 it is {light[0]:g}: light must grow from 0 to "
            "255; correct the readings, or check the instrument and measure again"
        )
    try:
        return curve(values, light)
    except Misfit as misfit:
        raise _refusal(name, readings, misfit) from misfit


def _refusal(name: str, readings: Sequence[Reading], misfit: Misfit) -> InputError:
    """Return the error for readings that no curve fits: a wrong reading, or another reason."""
    if misfit.worst is not None:
        return InputError(
            f"{label(name, readings[misfit.worst])}, and the other readings of {name} give "
            f"{max(misfit.expected, 0):.3g}; correct it, or measure again"
        )
    for before, after in pairwise(readings):
        if after.light < (1 - LARGEST * RELATIVE) * before.light:
            return InputError(
                f"{label(name, after)}, less than {before.light:g} at {before.value}; correct one "
                "of the two, or measure again"
            )
    gamma = misfit.gun.gamma
    if gamma is not None and not GAMMAS[0] < gamma < GAMMAS[1]:
        return InputError(
            f"calibration: {name} has a gamma of {gamma:.2f}, and displays have {GAMMAS[0]:g} to "
            f"{GAMMAS[1]:g}; check its readings, and the picture mode of the display"
        )
    light = misfit.gun.light(np.array([reading.value / 255 for reading in readings]))
    far = int(np.abs(light - [reading.light for reading in readings]).argmax())
    return InputError(
        f"{label(name, readings[far])}, and the best gamma function of {name} gives "
        f"{light[far]:.3g}: the readings follow none; set the display to its sRGB mode, or measure "
        f"{INTERPOLATED} values of each gun or more (--patches {INTERPOLATED}), which are "
        "interpolated"
    )


def _check_white(guns: tuple[Gun, Gun, Gun], readings: Sequence[Reading]) -> None:
    """Raise if the guns' light does not add up to white."""
    dark = float(np.mean([gun.dark for gun in guns]))
    for reading in readings:
        value = np.array([reading.value / 255])
        summed = dark + sum(float(gun.light(value)[0]) - gun.dark for gun in guns)
        if abs(reading.light - summed) > ADDITIVE * summed + 0.1 * dark:
            raise InputError(
                f"{label(WHITE, reading)}, and the three guns add up to {summed:.3g}; turn off "
                "modes that change the brightness with the picture (dynamic contrast, eco), or "
                "use another display: the correction treats each gun separately"
            )


def _steps(light: Floats, gun: Gun) -> Floats:
    """Return the sRGB value, 0 to 255, that corresponds to each luminance of a gun."""
    steps = np.arange(VALUES, dtype=float)
    return np.interp((light - gun.dark) / gun.range, _linear(steps / (VALUES - 1)), steps)


def _linear(display: Floats) -> Floats:
    """Return the linear light of sRGB values 0 to 1 (IEC 61966-2-1)."""
    return np.where(display <= 0.04045, display / 12.92, ((display + 0.055) / 1.055) ** 2.4)


def save(calibration: Calibration, path: Path) -> None:
    """Write a calibration as a JSON file."""
    write_json(
        path,
        {
            "schema_version": SCHEMA_VERSION,
            "guns": {
                name: {key: each for key, each in asdict(gun).items() if key in KEPT or each}
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
        The file is missing or is not a calibration of this version.
    """
    content = read_json(path)
    try:
        if content["schema_version"] != SCHEMA_VERSION:
            raise ValueError(f"schema_version {content['schema_version']}")
        table = np.array(content["table"])
        if table.shape != IDENTITY.shape or table.min() < 0 or table.max() > 255:
            raise ValueError("the table is not 256 × 3 values of 0 to 255")
        red, green, blue = (_read(content["guns"][name]) for name in GUNS)
        return Calibration((red, green, blue), table.astype(np.uint8), content["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: is not a calibration of this version ({error}); run mrd calibrate again"
        ) from error


def _read(gun: dict[str, Any]) -> Gun:
    knots = gun.get("knots")
    return Gun(**{**gun, "knots": tuple((x, y) for x, y in knots) if knots else None})


def patch_values(count: int) -> list[int]:
    """Return `count` pixel values of patches, evenly spaced from 0 to 255."""
    return [round(value) for value in np.linspace(0, VALUES - 1, count)]


def photometer(name: str, port: str | None) -> Callable[[], float]:
    """Return a function that reads a photometer of PsychoPy (such as LS100) in cd/m².

    Without a port, all ports are searched.
    """
    use_monotonic_clock()
    with needs("lab"):
        from psychopy import hardware

    instrument = hardware.findPhotometer(ports=port, device=name)
    if instrument is None:
        raise InputError(
            f"no photometer '{name}' answers{f' at {port}' if port else ''}; check cable and "
            "power, or type the readings (--typed), or give them in a file (--readings)"
        )

    def reading() -> float:
        light = instrument.getLum()
        try:
            return float(light)
        except (TypeError, ValueError) as error:
            raise InputError(
                f"photometer '{name}': '{light}' is not a luminance; check the instrument and that "
                "it sees the patch"
            ) from error

    return reading

"""Readings of a photometer: their file, and the checks before curves are fitted.

A reading is the luminance of a patch of one gun (colour channel) at one pixel value.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from psychophysics.data.json_files import read_bytes
from psychophysics.lab.display_curve import (
    LARGEST,
    RELATIVE,
    ROUNDING,
    SMALLEST,
    Floats,
    deviation,
    last_digit,
)
from scenes.base.errors import InputError

GUNS = ("red", "green", "blue")
WHITE = "white"
LEAST_READINGS = 5
HEADER = ("gun", "value", "luminance")  # of a file of readings
LONGEST = 60  # characters of a line in a message
EXAMPLE = "red,128,17.3 (guns: red, green, blue, white; values 0 to 255; cd/m²)"

_LETTERS = {name[0]: name for name in (*GUNS, WHITE)}
_UNIT = r"(?:cd\s*/\s*m(?:²|2|\^2)|nits?)"
_LUMINANCE_HEADER = re.compile(rf"luminance(?:\s*[(\[]?\s*{_UNIT}\s*[)\]]?)?", re.IGNORECASE)
_NUMBER = re.compile(
    rf"([+-]?(?:\d+[.,]?\d*|[.,]\d+)(?:e[+-]?\d+)?)\s*{_UNIT}?", re.IGNORECASE | re.ASCII
)
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2},\d{3}", re.ASCII)


class Reading(NamedTuple):
    """Luminance of one gun at one pixel value."""

    value: int  # 0 to 255
    light: float  # cd/m²
    place: str = ""  # file and line
    written: str = ""  # luminance as in the file, if its comma may separate thousands


Readings = Mapping[str, Sequence[Reading]]


def read_readings(path: Path) -> dict[str, list[Reading]]:
    """Read readings from a CSV file: the header gun,value,luminance, then a line for each reading.

    Columns may be separated by commas, semicolons or tabs, in any order, as spreadsheets and
    instruments write them; a comma may be the decimal point.

    Raises
    ------
    InputError
        The file is missing, it has no header, or a line is not a reading.
    """
    lines = _text(path).splitlines()
    skipped = 1 if lines and lines[0].lower().startswith("sep=") else 0  # Excel's own first line
    first = lines[skipped] if len(lines) > skipped else ""
    separator = max(",;\t", key=first.count)
    order = _columns(first.split(separator))
    if order is None:
        raise InputError(
            f"{path}:{skipped + 1}: '{first[:LONGEST]}' is not the header; write "
            f"{','.join(HEADER)} in the first line, without other columns, and a "
            "reading in each other line"
        )
    found: dict[str, list[Reading]] = {name: [] for name in GUNS}
    points: set[str] = set()
    for number, cells in _rows(path, lines, skipped + 1, separator):
        if not any(cell.strip() for cell in cells):
            continue
        reading = _reading(cells, order)
        if reading is None:
            hint = " with a decimal comma, put semicolons between the columns;"
            raise InputError(
                f"{path}:{number}: '{lines[number - 1][:LONGEST]}' is not a reading;"
                f"{hint if separator == ',' and len(cells) == len(HEADER) + 1 else ''} write "
                f"gun,value,luminance, such as {EXAMPLE}"
            )
        gun, value, light = reading
        points |= set(light) & set(".,")
        if len(points) > 1:
            raise InputError(
                f"{path}:{number}: '{light}' has another decimal point than earlier lines; use "
                "either a point or a comma in the whole file"
            )
        place = f"{path}:{number}"
        lit = float(light.replace(",", "."))
        written = light if _THOUSANDS.fullmatch(light) else ""
        found.setdefault(gun, []).append(Reading(value, lit, place, written))
    return found


def write_readings(path: Path, readings: Mapping[str, Iterable[Sequence[float | str]]]) -> None:
    """Write readings to a file for `read_readings`."""
    lines = [f"{gun},{each[0]},{each[1]}" for gun, some in readings.items() for each in some]
    path.write_text("\n".join([",".join(HEADER), *lines, ""]), encoding="utf-8")


def _text(path: Path) -> str:
    """Return the text of a file: UTF-8, UTF-16 with a byte order mark, or Latin-1."""
    data = read_bytes(path)
    try:
        if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return data.decode("utf-16")
        if b"\0" in data:
            raise InputError(f"{path}: is not a text file; save the table as CSV")
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _rows(
    path: Path, lines: Sequence[str], header: int, separator: str
) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of the first line and the cells of each CSV row after the header."""
    rows = csv.reader(io.StringIO("\n".join(lines[header:])), delimiter=separator, strict=True)
    number = header + 1
    try:
        for cells in rows:
            yield number, cells
            number = header + rows.line_num + 1
    except csv.Error as error:
        raise InputError(
            f"{path}:{number}: '{lines[number - 1][:LONGEST]}' is not a CSV row ({error}); "
            "write a quotation mark on both sides of a cell, or on neither"
        ) from error


def _columns(cells: Sequence[str]) -> list[int] | None:
    """Return the index of each column of `HEADER`; None if the columns are not exactly these."""
    names = [cell.strip().strip('"').strip().lower() for cell in cells]
    names = ["luminance" if _LUMINANCE_HEADER.fullmatch(name) else name for name in names]
    if sorted(name for name in names if name) != sorted(HEADER):
        return None
    return [names.index(name) for name in HEADER]


def _reading(cells: Sequence[str], order: Sequence[int]) -> tuple[str, int, str] | None:
    """Return gun, pixel value and luminance of a line, as text; None if it has no measurement."""
    cells = [cell.strip() for cell in cells]
    if len(cells) <= max(order) or sum(map(bool, cells)) != len(HEADER):
        return None
    gun, value, light = (cells[column] for column in order)
    whole = re.fullmatch(r"(\d{1,3})(?:[.,]0*)?", value, re.ASCII)
    number = _NUMBER.fullmatch(light)
    gun = _LETTERS.get(gun.lower(), gun.lower())
    if gun not in (*GUNS, WHITE) or whole is None or number is None or int(whole[1]) > 255:
        return None
    return gun, int(whole[1]), number[1]


def label(gun: str, reading: Reading) -> str:
    """Describe a reading in a message: file and line, gun, value and luminance."""
    comma = f" ('{reading.written}': the comma is the decimal point)" if reading.written else ""
    place = reading.place or "calibration"
    return f"{place}: {gun} {reading.value} is {reading.light:g} cd/m²{comma}"


def average(gun: str, readings: Sequence[Reading]) -> list[Reading]:
    """Return the mean reading of each pixel value; raise if readings are too few or disagree."""
    values = {reading.value for reading in readings}
    if len(values) < LEAST_READINGS:
        raise InputError(
            f"calibration: {gun} has readings of {len(values)} values; take at least "
            f"{LEAST_READINGS}"
        )
    for reading in readings:
        if not (np.isfinite(reading.light) and reading.light >= 0):
            raise InputError(f"{label(gun, reading)}; it must be a number of 0 or more")
    if missing := {0, 255} - values:
        raise InputError(
            f"calibration: {gun} has no reading of {min(missing)}; measure both 0 and 255"
        )
    top = max(reading.light for reading in readings)
    by_value = [[each for each in readings if each.value == value] for value in sorted(values)]
    return [_mean_reading(gun, same, top) for same in by_value]


def _mean_reading(gun: str, same: list[Reading], top: float) -> Reading:
    lights = np.array([reading.light for reading in same])
    middle = float(np.median(lights))
    farthest = int(np.abs(lights - middle).argmax())
    if np.ptp(lights) > LARGEST * np.sqrt(2) * deviation(np.array([middle, top]))[0]:
        other = same[int(np.abs(lights - lights[farthest]).argmax())]
        raise InputError(
            f"{label(gun, same[farthest])}, and another reading of the same value is "
            f"{other.light:g}{f' ({other.place})' if other.place else ''}; correct one, or "
            "measure again"
        )
    return same[0]._replace(light=float(lights.mean()))


def check_dark(guns: Mapping[str, Sequence[Reading]]) -> None:
    """Raise if the guns' readings at value 0 differ: they all measure the same black screen."""
    lights: Floats = np.array([readings[0].light for readings in guns.values()])
    middle = float(np.median(lights))
    farthest = int(np.abs(lights - middle).argmax())
    gun = list(guns)[farthest]
    written = np.array([each.light for readings in guns.values() for each in readings])
    floor = max(SMALLEST, ROUNDING * last_digit(written))
    sigma = np.sqrt(2) * np.hypot(RELATIVE * middle, floor)
    if abs(lights[farthest] - middle) > LARGEST * sigma:
        raise InputError(
            f"{label(gun, guns[gun][0])}, and another gun's 0 is {middle:g}; all are the same "
            "black screen: correct it, or measure again in constant light"
        )

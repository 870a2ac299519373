"""Read Radiance pictures, .hdr and .pic (Ward, Radiance reference manual: picture file format)."""

import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.pictures.decoded import Decoded, aspect_notes, broken, check_size
from scenes.pictures.encoded import turned
from scenes.pictures.primaries import as_primaries, in_rec709

RESOLUTION = re.compile(r"([-+][XY]) +(\d{1,9}) +([-+][XY]) +(\d{1,9})$", re.ASCII)
# EXIF orientation for each direction of scanlines and of pixels within a scanline.
ORIENTATIONS = {
    "-Y+X": 1,
    "-Y-X": 2,
    "+Y-X": 3,
    "+Y+X": 4,
    "+X-Y": 5,
    "-X-Y": 6,
    "-X+Y": 7,
    "+X+Y": 8,
}
MOST_HEADER_BYTES = 2**20
RLE_LENGTHS = range(8, 2**15)
Bytes = NDArray[np.uint8]


def read_radiance(path: Path) -> Decoded:
    """Return a Radiance picture as linear Rec. 709.

    A file without ``PRIMARIES`` is read as Rec. 709, which most programs write; Radiance's own
    default differs slightly.
    """
    data = path.read_bytes()
    lines, start = _header(data)
    resolution = RESOLUTION.match(lines[-1])
    if not resolution or resolution[1] + resolution[3] not in ORIENTATIONS:
        raise _broken(f"'{lines[-1][:40]}' is no resolution")
    slow, count, fast, length = resolution.groups()
    check_size(int(count), int(length))
    variables = _variables(lines[1:-1])
    _check_format(variables)
    gain = _gain(variables)
    aspect = _aspect(variables)
    notes = list(aspect_notes(aspect))
    pixels = _radiance(_scanlines(data, start, int(count), int(length)), gain)
    if (gain != 1).any():
        factors = " ".join(f"{each:.6g}" for each in gain)
        notes.append(f"its values were divided by the exposure {factors} of its header")
    orientation = ORIENTATIONS[slow + fast]
    if orientation != 1:
        pixels = turned(pixels, orientation)
        notes.append(f"turned as its header says ({lines[-1]})")
    pixels, name = _in_rec709(pixels, variables.get("PRIMARIES", []), notes)
    return Decoded(np.ascontiguousarray(pixels), tuple(notes), aspect, name)


def _header(data: bytes) -> tuple[list[str], int]:
    """Return the header lines, the last one with the resolution, and the position of the pixels."""
    lines: list[str] = []
    place, is_last = 0, False
    while place < MOST_HEADER_BYTES:
        end = data.find(b"\n", place)
        if end < 0:
            break
        line = data[place:end].removesuffix(b"\r").decode("latin-1")
        place = end + 1
        if is_last:
            return [*lines, line], place
        if line:
            lines.append(line)
        is_last = not line
    raise _broken("its header has no end")


def _variables(lines: list[str]) -> dict[str, list[str]]:
    """Return the values of every variable in the header.

    Indented lines are skipped: they belong to the pictures that this one was made from.
    """
    variables: dict[str, list[str]] = {}
    for line in lines:
        name, sign, value = line.partition("=")
        if sign and not line[:1].isspace():
            variables.setdefault(name.strip(), []).append(value.strip())
    return variables


def _check_format(variables: dict[str, list[str]]) -> None:
    """Raise if the values are not linear RGBE."""
    for form in variables.get("FORMAT", []):
        if form == "32-bit_rle_xyze":
            raise InputError("holds CIE XYZ (32-bit_rle_xyze); convert it: ra_xyze -r IN > OUT")
        if form != "32-bit_rle_rgbe":
            raise InputError(f"is in the format '{form[:40]}'; allowed: 32-bit_rle_rgbe")
    for gamma in variables.get("GAMMA", []):
        if _numbers("GAMMA", gamma, 1)[0] != 1:
            raise InputError(f"has a GAMMA of {gamma[:20]}; save it with linear values")


def _gain(variables: dict[str, list[str]]) -> NDArray[np.float64]:
    """Return the factor by which the values of each channel were multiplied."""
    gain = np.ones(3)
    for name, count in (("EXPOSURE", 1), ("COLORCORR", 3)):
        for text in variables.get(name, []):
            gain = gain * _numbers(name, text, count)
    return gain


def _aspect(variables: dict[str, list[str]]) -> float:
    """Return the width of a pixel ÷ its height; the file has the inverse."""
    inverse = np.prod([_numbers("PIXASPECT", each, 1) for each in variables.get("PIXASPECT", [])])
    return 1 / float(inverse)


def _numbers(name: str, text: str, count: int, positive: bool = True) -> NDArray[np.float64]:
    """Return the numbers of a header variable; raise if there are not `count` of them."""
    try:
        result = np.array([float(each) for each in text.split()])
    except ValueError:
        result = np.empty(0)
    if len(result) != count or not np.isfinite(result).all() or (positive and (result <= 0).any()):
        above = " above 0" if positive else ""
        raise InputError(f"{name}={text[:60]} in its header: use {count} numbers{above}")
    return result


def _scanlines(data: bytes, place: int, count: int, length: int) -> Bytes:
    """Return mantissas and exponents of all pixels, (count, length, 4)."""
    result = np.empty((count, length, 4), np.uint8)
    has_rewritten_ends = b"\r\n" in data[:place]
    for line in result:
        place = _scanline(data, place, line)
    # If line ends were rewritten, bytes of pixels were changed too.
    if has_rewritten_ends and place != len(data):
        raise InputError("was altered by a transfer as text; get the file again, as binary")
    return result


def _scanline(data: bytes, place: int, line: Bytes) -> int:
    """Fill in a line (length, 4), and return the position after it in the file."""
    length = len(line)
    head = data[place : place + 4]
    if length in RLE_LENGTHS and head[:2] == b"\2\2" and len(head) == 4 and head[2] < 128:
        if head[2] << 8 | head[3] != length:
            raise _broken(f"a line of {head[2] << 8 | head[3]} pixels in place of {length}")
        return _run_length(data, place + 4, line)
    flat = np.frombuffer(data[place : place + 4 * length], np.uint8)
    if len(flat) == 4 * length and not _repeats(flat.reshape(-1, 4)).any():
        line[:] = flat.reshape(-1, 4)
        return place + 4 * length
    return _old_run_length(data, place, line)


def _repeats(pixels: Bytes) -> NDArray[np.bool_]:
    """Return which pixels (N,) mean "repeat the previous pixel" in the old encoding."""
    return (pixels[:, :3] == 1).all(axis=1)


def _run_length(data: bytes, place: int, line: Bytes) -> int:
    """Fill in a line from four channels of runs (codes above 128) and literal bytes."""
    length = len(line)
    for channel in range(4):
        row = bytearray()
        while len(row) < length:
            if place + 1 >= len(data):
                raise _broken("it is cut short")
            code = data[place]
            if code > 128:
                row += data[place + 1 : place + 2] * (code - 128)
                place += 2
            else:
                row += data[place + 1 : place + 1 + code]
                place += 1 + code
                if code == 0 or place > len(data):
                    raise _broken("it is cut short" if code else "a run is empty")
        if len(row) != length:
            raise _broken("a run crosses the end of its line")
        line[:, channel] = np.frombuffer(row, np.uint8)
    return place


def _old_run_length(data: bytes, place: int, line: Bytes) -> int:
    """Fill in a line from whole pixels; a pixel (1, 1, 1, n) repeats the previous one n times."""
    at, shift = 0, 0
    while at < len(line):
        pixel = data[place : place + 4]
        if len(pixel) < 4:
            raise _broken("it is cut short")
        place += 4
        if pixel[:3] == b"\1\1\1":
            repeats = pixel[3] << shift
            if at == 0 or at + repeats > len(line) or shift > 24:
                raise _broken("a run crosses the end of its line")
            line[at : at + repeats] = line[at - 1]
            at, shift = at + repeats, shift + 8
        else:
            line[at] = np.frombuffer(pixel, np.uint8)
            at, shift = at + 1, 0
    return place


def _broken(what: str) -> InputError:
    return broken("Radiance HDR", what)


def _radiance(lines: Bytes, gain: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return mantissa × 2^(exponent − 136) ÷ gain; with exponent 0, the pixel is black."""
    result = np.empty((*lines.shape[:2], 3), np.float32)
    scale = np.ldexp(1.0, np.arange(256) - 136)
    scale[0] = 0
    for into, line in zip(result, lines, strict=True):
        with np.errstate(over="ignore"):
            into[:] = line[:, :3] * scale[line[:, 3]][:, None] / gain
    return result


def _in_rec709(
    pixels: NDArray[np.float32], stated: list[str], notes: list[str]
) -> tuple[NDArray[np.floating], str | None]:
    """Return pixels in Rec. 709, and the name of their primaries if they were converted."""
    if not stated:
        return pixels, None
    numbers = _numbers("PRIMARIES", stated[-1], 8, positive=False)
    if not numbers.any():  # as Photoshop writes them
        notes.append("its PRIMARIES are all 0: taken as Rec. 709")
        return pixels, None
    half_step = np.broadcast_to(pixels.max(axis=2, keepdims=True) / 256, pixels.shape)
    return in_rec709(pixels, as_primaries(numbers), lambda: half_step, notes)

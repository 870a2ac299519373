"""Read JPEG files (ITU-T T.81) of 8 bits, grey or colour."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from scenes.base.errors import InputError
from scenes.pictures.decoded import Decoded, broken, check_size
from scenes.pictures.encoded import ADOBE_RGB, SRGB, ColourSpace, Encoding, decoded, marked_space
from scenes.pictures.icc import colour_space
from scenes.pictures.pillow_files import opened, orientation_of

FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
START_OF_SCAN, APP2 = 0xDA, 0xE2
ADOBE_RGB_BY_EXIF = 2  # not in the standard, but written by cameras
GAIN_MAPS = (b"hdrgm:", b"urn:iso:std:iso:ts:21496", b"HDRGainMap")


def read_jpeg(path: Path, encoding: Encoding) -> Decoded:
    """Return a JPEG as linear light, or as data if `encoding` is ``"linear"``."""
    segments = list(_segments(path.read_bytes()))
    _check_frame(segments)
    with opened(path, "JPEG") as image:
        if image.mode not in ("L", "RGB"):
            raise InputError(f"has {image.mode} colours; save it as RGB or grey")
        orientation = orientation_of(image)
        space = marked_space(lambda: _colour_space(image), encoding)
        samples = np.array(image)
    return decoded(np.atleast_3d(samples), space, encoding, _notes(segments), orientation)


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the marker and the content of each segment before the pixels."""
    place = 2
    while place + 4 <= len(data):
        if data[place] != 0xFF:
            break
        marker = data[place + 1]
        if marker == 0xFF or marker in WITHOUT_LENGTH:
            place += 1 if marker == 0xFF else 2
            continue
        size = int.from_bytes(data[place + 2 : place + 4], "big")
        yield marker, data[place + 4 : place + 2 + size]
        if marker == START_OF_SCAN:
            return
        place += 2 + size
    raise broken("JPEG", "it ends, or is broken, before its pixels")


def _check_frame(segments: list[tuple[int, bytes]]) -> None:
    """Raise if the picture does not have 8 bits per channel, or is too large."""
    bits, height, width = _frame(segments)
    if bits != 8:
        raise InputError(f"is a JPEG with {bits} bits a channel; save it as PNG with 16 bits")
    check_size(height, width)


def size_of(data: bytes) -> tuple[int, int]:
    """Return width and height of a JPEG, from its first bytes."""
    _, height, width = _frame(_segments(data))
    return width, height


def _frame(segments: Iterable[tuple[int, bytes]]) -> tuple[int, int, int]:
    """Return bits per channel, height and width."""
    frame = next((body for marker, body in segments if marker in FRAMES), b"")
    if len(frame) < 6:
        raise broken("JPEG", "it has no frame header")
    height, width = (int.from_bytes(frame[i : i + 2], "big") for i in (1, 3))
    return frame[0], height, width


def _colour_space(image: Image.Image) -> ColourSpace:
    """Return the colour space that ICC profile or EXIF data name; sRGB by default."""
    profile = image.info.get("icc_profile")
    if profile:
        return colour_space(profile, len(image.getbands()))
    exif = image.getexif()
    marked = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace)
    by_rule = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex)
    return ADOBE_RGB if marked == ADOBE_RGB_BY_EXIF or by_rule == "R03" else SRGB


def _notes(segments: list[tuple[int, bytes]]) -> tuple[str, ...]:
    """Return a note if the file has a gain map or more pictures, which are not read."""
    header = b"".join(body for _, body in segments)
    if any(mark in header for mark in GAIN_MAPS):
        return ("its HDR gain map is not applied: the standard picture is read",)
    if any(marker == APP2 and body.startswith(b"MPF\0") for marker, body in segments):
        return ("holds further pictures (MPF): the first is read",)
    return ()

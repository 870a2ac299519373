"""Read OpenEXR files: linear light in half or float precision, or one channel of data."""

import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from scenes.base.errors import InputError, one_line
from scenes.pictures.decoded import Decoded, aspect_notes, broken, check_opaque, check_size
from scenes.pictures.encoded import upright
from scenes.pictures.exr_layers import Part, left_out, picture_layer
from scenes.pictures.linear_names import is_called_linear, linear_gamut, says_nothing
from scenes.pictures.primaries import KNOWN, as_primaries, in_rec709

ONE_AT_A_TIME = threading.Lock()  # all threads of the process share the output streams
DEEP = (OpenEXR.deepscanline, OpenEXR.deeptile)


def read_exr(path: Path) -> Decoded:
    """Return an OpenEXR file as linear Rec. 709, or as one channel of data."""
    headers = _opened(path, header_only=True)
    parts = [_part(header) for header, _ in headers]
    chosen = picture_layer(parts)
    header = headers[chosen.part][0]
    window = _display_window(header)
    is_cube = "cube" in str(header.get("textureformat", "")).lower()  # OpenImageIO's attribute
    if is_cube or header.get("envmap") == OpenEXR.ENVMAP_CUBE:
        raise InputError("is a cube map; convert it to latitude and longitude (exrenvmap -l)")
    parts_read = _opened(path, header_only=False)
    if len(parts_read) != len(headers):
        raise broken("EXR", "its pixels are broken, or cut short")
    channels = parts_read[chosen.part][1]
    if chosen.alphas:
        alphas = [_values(channels, name, header)[window] for name in chosen.alphas]
        check_opaque(np.stack(alphas))
    pixels = np.stack([_values(channels, name, header) for name in chosen.channels], axis=2)
    whole = pixels.shape[:2]
    pixels = pixels[window]
    aspect = float(header.get("pixelAspectRatio", 1.0))
    notes = [*left_out(parts, chosen), *aspect_notes(aspect)]
    if header.get("whiteLuminance", 1) != 1:
        notes.append(f"its whiteLuminance {header['whiteLuminance']:g} is not applied")
    if pixels.shape[:2] != whole:
        notes.append(
            f"cut from {whole[1]} × {whole[0]} to its display window, {pixels.shape[1]} × "
            f"{pixels.shape[0]}"
        )
    primaries, name = _primaries(header), None
    if chosen.kind == "rgb":
        eps = np.float32(np.finfo(pixels.dtype).eps)
        pixels, name = in_rec709(
            pixels,
            primaries,
            lambda: np.abs(pixels.astype(np.float32)) * eps,
            notes,
            header.get("adoptedNeutral"),
        )
    read = Decoded(pixels.astype(np.float32, copy=False), tuple(notes), aspect, name)
    turn = header.get("Orientation", 1)  # OpenImageIO's attribute
    return upright(read, turn if turn in range(1, 9) else 1)


def exr_channels(path: Path) -> dict[str, NDArray[Any]]:
    """Return the channels (H, W) of an OpenEXR file of one part, by name, unchanged."""
    if not path.is_file():
        raise InputError("no such file; make it again")
    channels: dict[str, NDArray[Any]] = _opened(path, header_only=False)[0][1]
    return channels


def _opened(path: Path, header_only: bool) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return the header and the channels of each part; without channels if `header_only`."""
    try:
        with (
            _quiet_library(),
            OpenEXR.File(str(path), separate_channels=True, header_only=header_only) as file,
        ):
            result = []
            for part in file.parts:
                channels = {} if header_only else part.channels
                pixels = {name: np.array(each.pixels) for name, each in channels.items()}
                result.append((dict(part.header), pixels))
            return result
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        what = re.sub(rf"'?{re.escape(str(path))}'?", "the file", one_line(error))
        raise broken("EXR", what) from error


@contextmanager
def _quiet_library() -> Iterator[None]:
    """Hide the lines that OpenEXR prints to both output streams besides its exceptions."""
    with ONE_AT_A_TIME:
        with suppress(AttributeError, ValueError):  # a stream is missing, or closed
            sys.stdout.flush()
            sys.stderr.flush()
        saved: dict[int, int] = {}
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                saved[stream] = os.dup(stream)
                os.dup2(nowhere, stream)
            os.close(nowhere)
        try:
            yield
        finally:
            for stream, copy in saved.items():
                os.dup2(copy, stream)
                os.close(copy)


def _part(header: Mapping[str, Any]) -> Part:
    """Return name, view and channels of a part from its header."""
    try:
        channels = tuple(channel.name for channel in header["channels"])
    except UnicodeDecodeError as error:
        raise broken("EXR", "the name of a channel is not text") from error
    return Part(
        name=str(header.get("name", "")),
        channels=channels,
        view=str(header.get("view", "")),
        views=tuple(header.get("multiView", ())),
        is_deep=header.get("type") in DEEP,
    )


def _display_window(header: Mapping[str, Any]) -> tuple[slice, slice]:
    """Return the rows and columns of the stored pixels that are the picture."""
    (left, top), (right, bottom) = (each.tolist() for each in header["displayWindow"])
    (first_x, first_y), (last_x, last_y) = (each.tolist() for each in header["dataWindow"])
    check_size(bottom - top + 1, right - left + 1)
    check_size(last_y - first_y + 1, last_x - first_x + 1)
    if left < first_x or top < first_y or right > last_x or bottom > last_y:
        raise InputError(
            f"holds pixels for a part of its frame only (data window {first_x} {first_y} to "
            f"{last_x} {last_y}, display window {left} {top} to {right} {bottom}); save the whole "
            "frame, or crop it"
        )
    return (slice(top - first_y, bottom - first_y + 1), slice(left - first_x, right - first_x + 1))


def _values(channels: Mapping[str, Any], name: str, header: Mapping[str, Any]) -> NDArray[Any]:
    """Return the stored pixels of a channel, in half or float precision."""
    values = channels[name]
    (first_x, first_y), (last_x, last_y) = (each.tolist() for each in header["dataWindow"])
    if values.shape != (last_y - first_y + 1, last_x - first_x + 1):
        raise InputError(f"channel {name} is stored at a lower resolution; save it at the full one")
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"channel {name} holds whole numbers; save it as half or float")
    return values


def _primaries(header: Mapping[str, Any]) -> NDArray[np.float64]:
    """Return the primaries of a part; by default Rec. 709, as the format defines."""
    identity = str(header.get("colorInteropID", ""))
    if not says_nothing(identity) and not is_called_linear(identity):
        raise InputError(f"holds encoded colours ('{identity}'); save it with linear values")
    if "chromaticities" in header:
        return as_primaries(header["chromaticities"])
    if not says_nothing(identity):
        return _named(identity, "colorInteropID")
    if header.get("acesImageContainerFlag") == 1:
        return np.array(KNOWN["ACES2065-1"])
    name = str(header.get("oiio:ColorSpace", ""))
    return np.array(KNOWN["Rec. 709"]) if says_nothing(name) else _named(name, "oiio:ColorSpace")


def _named(name: str, attribute: str) -> NDArray[np.float64]:
    """Return the primaries of a linear colour space, by its name in an attribute of the file."""
    gamut = linear_gamut(name)
    if gamut is None:
        raise InputError(
            f"holds colours of '{name}' ({attribute}); save it with linear Rec. 709 values"
        )
    return np.array(KNOWN[gamut])

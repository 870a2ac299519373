"""OpenEXR: linear light as half or float, in parts and layers, or one channel of data."""

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
from scenes.pictures.decoded import (
    Decoded,
    aspect_notes,
    broken,
    check_opaque,
    check_size,
)
from scenes.pictures.encoded import upright
from scenes.pictures.exr_layers import Layer, Part, left_out, picture_layer
from scenes.pictures.linear_names import is_called_linear, linear_gamut, says_nothing
from scenes.pictures.primaries import KNOWN, as_primaries, converted, name_of, to_rec709

ONE_AT_A_TIME = threading.Lock()  # streams belong to the process
DEEP = (OpenEXR.deepscanline, OpenEXR.deeptile)


def read_exr(path: Path) -> Decoded:
    """Read an OpenEXR file as linear Rec. 709, or as one channel of data."""
    headers = _opened(path, header_only=True)
    parts = [_part(header) for header, _ in headers]
    chosen = picture_layer(parts)
    header = headers[chosen.part][0]
    window = _display_window(header)
    is_cube = "cube" in str(header.get("textureformat", "")).lower()  # OpenImageIO's attribute
    if is_cube or header.get("envmap") == OpenEXR.ENVMAP_CUBE:
        raise InputError("is a cube map; convert it to latitude and longitude (exrenvmap -l)")
    found = _opened(path, header_only=False)
    if len(found) != len(headers):
        raise broken("EXR", "its pixels are broken, or cut short")
    channels = found[chosen.part][1]
    if chosen.alphas:
        alphas = [_values(channels, name, header)[window] for name in chosen.alphas]
        check_opaque(np.stack(alphas))
    pixels = np.stack([_values(channels, name, header) for name in chosen.channels], axis=2)
    whole = pixels.shape[:2]
    pixels = pixels[window]
    aspect = float(header.get("pixelAspectRatio", 1.0))
    notes = [*left_out(parts, chosen), *aspect_notes(aspect), *_other_notes(header)]
    if pixels.shape[:2] != whole:
        notes.append(
            f"cut from {whole[1]} × {whole[0]} to its display window, {pixels.shape[1]} × "
            f"{pixels.shape[0]}"
        )
    pixels, name = _in_rec709(pixels, header, chosen, notes)
    read = Decoded(pixels.astype(np.float32, copy=False), tuple(notes), aspect, name)
    turn = header.get("Orientation", 1)  # OpenImageIO's attribute
    return upright(read, turn if turn in range(1, 9) else 1)


def _opened(path: Path, header_only: bool) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Header and channels of each part; without the pixels of channels if `header_only`."""
    try:
        with (
            _without_the_librarys_words(),
            OpenEXR.File(str(path), separate_channels=True, header_only=header_only) as file,
        ):
            # Copied while the file is open.
            return [
                (
                    dict(part.header),
                    {} if header_only else {n: _copy(c) for n, c in part.channels.items()},
                )
                for part in file.parts
            ]
    except (RuntimeError, ValueError, TypeError, MemoryError) as error:
        what = re.sub(rf"'?{re.escape(str(path))}'?", "the file", one_line(error))
        raise broken("EXR", what) from error


def _copy(channel: Any) -> NDArray[Any]:
    return np.array(channel.pixels)


@contextmanager
def _without_the_librarys_words() -> Iterator[None]:
    """Keep quiet what OpenEXR prints beside its exceptions, several lines to both streams."""
    with ONE_AT_A_TIME:
        with suppress(AttributeError, ValueError):  # a stream is missing, or closed
            sys.stdout.flush()
            sys.stderr.flush()
        kept: dict[int, int] = {}
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            for stream in (1, 2):
                kept[stream] = os.dup(stream)
                os.dup2(nowhere, stream)
            os.close(nowhere)
        try:
            yield
        finally:
            for stream, copy in kept.items():
                os.dup2(copy, stream)
                os.close(copy)


def _part(header: Mapping[str, Any]) -> Part:
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
    """Rows and columns of the stored pixels that are the picture."""
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
    return (
        slice(top - first_y, bottom - first_y + 1),
        slice(left - first_x, right - first_x + 1),
    )


def _values(channels: Mapping[str, Any], name: str, header: Mapping[str, Any]) -> NDArray[Any]:
    """The stored pixels of a channel, half or float."""
    values = channels[name]
    (first_x, first_y), (last_x, last_y) = (each.tolist() for each in header["dataWindow"])
    if values.shape != (last_y - first_y + 1, last_x - first_x + 1):
        raise InputError(f"channel {name} is stored at a lower resolution; save it at the full one")
    if not np.issubdtype(values.dtype, np.floating):
        raise InputError(f"channel {name} holds whole numbers; save it as half or float")
    return values


def _in_rec709(
    pixels: NDArray[Any], header: Mapping[str, Any], chosen: Layer, notes: list[str]
) -> tuple[NDArray[np.floating], str | None]:
    primaries = _primaries(header)
    if chosen.kind == "grey":
        return pixels, None
    matrix = to_rec709(primaries, header.get("adoptedNeutral"))
    if matrix is None:
        return pixels, None
    name = name_of(primaries)
    step = np.abs(pixels.astype(np.float32)) * np.float32(np.finfo(pixels.dtype).eps)
    notes.append(f"converted from {name} to Rec. 709")
    return converted(pixels, matrix, step), name


def _primaries(header: Mapping[str, Any]) -> NDArray[np.float64]:
    """Primaries of a part; Rec. 709 where nothing is said, as the format defines."""
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
    """Primaries of a linear colour space by its name."""
    gamut = linear_gamut(name)
    if gamut is None:
        raise InputError(
            f"holds colours of '{name}' ({attribute}); save it with linear Rec. 709 values"
        )
    return np.array(KNOWN[gamut])


def _other_notes(header: Mapping[str, Any]) -> list[str]:
    notes = []
    if header.get("whiteLuminance", 1) != 1:
        notes.append(f"its whiteLuminance {header['whiteLuminance']:g} is not applied")
    return notes

"""Read PNG files (W3C, third edition): 1 to 16 bits, grey, RGB or palette."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from scenes.base.errors import InputError
from scenes.pictures.decoded import Alpha, Decoded, aspect_notes, broken, check_opaque, check_size
from scenes.pictures.encoded import SRGB, ColourSpace, Encoding, decoded, marked_space, power
from scenes.pictures.icc import colour_space
from scenes.pictures.pillow_files import opened, orientation_of
from scenes.pictures.primaries import KNOWN, as_primaries, name_of, to_rec709

CRITICAL = (b"IHDR", b"PLTE", b"IDAT", b"IEND")
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
# Pillow's modes that read only the high, or only the low, bytes of 16-bit samples.
HIGH_AND_LOW = {RGB: ("RGB;16B", "RGB;16L"), RGB_ALPHA: ("RGBA;16B", "RGBA;16L")}
MOST_PROFILE_BYTES = 2**24
PNG_GAMMA_OF_SRGB = 45455
SRGB_BY_GAMMA = ColourSpace(
    SRGB.name, note="its gAMA is that of sRGB pictures: decoded with the sRGB curve"
)
Chunks = dict[bytes, bytes]


def read_png(path: Path, encoding: Encoding, alpha: Alpha = "refuse") -> Decoded:
    """Return a PNG as linear light, or as data if `encoding` is ``"linear"``."""
    chunks = _chunks(path.read_bytes())
    width, height, bits, colour_type, *_ = _numbers(chunks, b"IHDR", ">IIBBBBB")
    check_size(height, width)
    _check_kind(chunks)
    with opened(path, "PNG") as image:
        orientation = orientation_of(image)
        samples = _samples(image, path, bits, colour_type)
    if alpha == "refuse":
        _check_transparent_colour(chunks, samples, bits, colour_type)
    channels = 1 if colour_type in (GREY, GREY_ALPHA) else 3
    space = marked_space(lambda: _colour_space(chunks, channels), encoding)
    aspect = _pixel_aspect(chunks)
    return decoded(samples, space, encoding, aspect_notes(aspect), orientation, aspect, alpha)


def _chunks(data: bytes) -> Chunks:
    """Return the first chunk of each kind, without the pixels."""
    chunks: Chunks = {}
    for name, body in _each_chunk(data):
        if name not in CRITICAL and not name[0] & 32:
            raise InputError(
                f"has a part '{name.decode('latin-1')}' that PNG does not define; save it as a "
                "plain PNG"
            )
        chunks.setdefault(name, b"" if name == b"IDAT" else body)
    if b"IHDR" not in chunks or b"IDAT" not in chunks:
        raise broken("PNG", "it has no header, or no pixels")
    return chunks


def _numbers(chunks: Chunks, name: bytes, layout: str) -> tuple[int, ...]:
    """Return the numbers in a chunk; raise if it does not have the length of `layout`."""
    if len(chunks[name]) != struct.calcsize(layout):
        raise broken("PNG", f"its part '{name.decode()}' has another length")
    return struct.unpack(layout, chunks[name])


def _each_chunk(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield name and content of each chunk; raise if a checksum is wrong or the end is missing."""
    place = 8
    while place + 12 <= len(data):
        size, name = struct.unpack_from(">I4s", data, place)
        body = data[place + 8 : place + 8 + size]
        check = data[place + 8 + size : place + 12 + size]
        if len(check) < 4:
            break
        if zlib.crc32(name + body).to_bytes(4, "big") != check:
            raise broken("PNG", f"the checksum of its part '{name.decode('latin-1')}' is wrong")
        yield name, body
        if name == b"IEND":
            return
        place += 12 + size
    raise broken("PNG", "it is cut short")


def _check_kind(chunks: Chunks) -> None:
    """Raise if the file is an animation or a stereo picture."""
    if b"acTL" in chunks and _numbers(chunks, b"acTL", ">II")[0] > 1:
        raise InputError("is an animation (APNG); save the one frame that you need as a PNG")
    if b"sTER" in chunks:
        raise InputError("holds two views side by side (stereo); save one of them as a PNG")


def _samples(
    image: Image.Image, path: Path, bits: int, colour_type: int
) -> NDArray[np.unsignedinteger]:
    """Return samples (H, W, C), uint8 or uint16; fewer than 8 bits are scaled to 8."""
    if bits == 16:
        if colour_type == GREY:
            return np.array(image).astype(np.uint16)[:, :, None]
        if colour_type == GREY_ALPHA:
            # A pixel has four bytes, like one of RGBA with 8 bits.
            raw = _raw(path, "RGBA").astype(np.uint16)
            return raw[:, :, ::2] * np.uint16(256) + raw[:, :, 1::2]
        high, low = (_raw(path, mode).astype(np.uint16) for mode in HIGH_AND_LOW[colour_type])
        return high * np.uint16(256) + low
    if colour_type == PALETTE:
        has_alpha = "transparency" in image.info
        return np.array(image.convert("RGBA" if has_alpha else "RGB"))
    return np.atleast_3d(np.array(image.convert("L") if image.mode == "1" else image))


def _raw(path: Path, raw_mode: str) -> NDArray[np.uint8]:
    """Return the bytes (H, W, C) of a 16-bit file, read in a mode with as many bytes per pixel."""
    with Image.open(path, formats=("PNG",)) as image:
        if not isinstance(image, ImageFile.ImageFile):
            raise TypeError(f"{path} is open as {type(image).__name__}")
        image.tile = [each._replace(args=raw_mode) for each in image.tile]
        return np.array(image)


def _check_transparent_colour(
    chunks: Chunks, samples: NDArray[np.unsignedinteger], bits: int, colour_type: int
) -> None:
    """Raise if a pixel has the one transparent colour (tRNS of grey and RGB)."""
    if b"tRNS" not in chunks or colour_type not in (GREY, RGB):
        return
    count = 1 if colour_type == GREY else 3
    key = np.array(_numbers(chunks, b"tRNS", f">{count}H"))
    if bits < 8:
        key = key * 255 // (2**bits - 1)
    check_opaque(1.0 - (samples == key).all(axis=2))


def _colour_space(chunks: Chunks, channels: int) -> ColourSpace:
    """Return the colour space; the standard's priority is cICP, iCCP, sRGB, gAMA with cHRM."""
    if b"cICP" in chunks:
        return _from_code_points(*_numbers(chunks, b"cICP", ">BBBB"))
    if b"iCCP" in chunks:
        return colour_space(_profile(chunks[b"iCCP"]), channels)
    if b"sRGB" in chunks:
        return SRGB
    if b"gAMA" in chunks or b"cHRM" in chunks:
        return _from_gamma(chunks)
    return SRGB


def _from_code_points(primaries: int, transfer: int, matrix: int, full: int) -> ColourSpace:
    """Return the colour space of cICP code points, which ITU-T H.273 defines."""
    names = {1: "Rec. 709", 9: "Rec. 2020", 12: "Display P3"}
    if matrix or not full or primaries not in names or transfer not in (8, 13):
        what = {16: " (PQ, high dynamic range)", 18: " (HLG, high dynamic range)"}.get(transfer, "")
        raise InputError(
            f"has cICP code points {primaries}/{transfer}/{matrix}/{full}{what}; save it as sRGB, "
            "or as EXR"
        )
    name = names[primaries]
    if (primaries, transfer) == (1, 13):
        return SRGB
    result = ColourSpace(name, matrix=to_rec709(KNOWN[name]))
    return ColourSpace(f"linear {name}", (power(1),), result.matrix) if transfer == 8 else result


def _from_gamma(chunks: Chunks) -> ColourSpace:
    """Return the colour space that gAMA and cHRM describe."""
    matrix, name = None, "Rec. 709"
    if b"cHRM" in chunks:
        white_first = np.array(_numbers(chunks, b"cHRM", ">8I")) / 100000
        primaries = as_primaries(np.roll(white_first, -2))
        matrix, name = to_rec709(primaries), name_of(primaries)
    if b"gAMA" not in chunks:
        if matrix is None:
            return SRGB
        raise InputError(
            f"has {name} and no transfer curve (cHRM without gAMA); save it with an ICC profile, "
            "or as sRGB"
        )
    (gamma,) = _numbers(chunks, b"gAMA", ">I")
    if not 10000 <= gamma <= 1000000:
        raise InputError(f"has a gamma (gAMA) of {gamma / 1e5:g}; allowed: 0.1 to 10")
    if gamma == PNG_GAMMA_OF_SRGB and matrix is None:
        return SRGB_BY_GAMMA
    return ColourSpace(f"{name} with gamma 1/{1e5 / gamma:.4g}", (power(1e5 / gamma),), matrix)


def _profile(chunk: bytes) -> bytes:
    """Return the ICC profile in an iCCP chunk."""
    _, _, rest = chunk.partition(b"\0")
    try:
        return zlib.decompressobj().decompress(rest[1:], MOST_PROFILE_BYTES)
    except zlib.error as error:
        raise InputError(
            f"its ICC profile cannot be unpacked ({error}); convert the picture to sRGB"
        ) from error


def _pixel_aspect(chunks: Chunks) -> float:
    """Return the width of a pixel ÷ its height."""
    if b"pHYs" not in chunks:
        return 1.0
    across, down, _ = _numbers(chunks, b"pHYs", ">IIB")
    return down / across if across and down else 1.0

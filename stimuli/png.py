"""Write stored images as PNG files with 8 or 16 bits per channel."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, PngImagePlugin

from scenes.base.atomic_files import whole_file

Array = NDArray[Any]  # (H, W, 3) uint8 or uint16
SRGB = (b"sRGB", b"\0")  # the chunk that marks an image as sRGB (perceptual rendering intent)


def write_png(path: Path, image: Array) -> None:
    """Write an sRGB-encoded image (H, W, 3), uint8 or uint16, as a PNG, in one step."""
    with whole_file(path) as beside:
        beside.write_bytes(_sixteen_bit_png(image) if image.dtype == np.uint16 else _png(image))


def eight_bit_png(image: Array) -> bytes:
    """Return an image (H, W, 3) as the bytes of a PNG with 8 bits per channel."""
    return _png((image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image)


def _png(image: Array) -> bytes:
    """Return a PNG with 8 bits per channel."""
    information, file = PngImagePlugin.PngInfo(), io.BytesIO()
    information.add(*SRGB)
    Image.fromarray(image).save(file, format="PNG", pnginfo=information)
    return file.getvalue()


def _sixteen_bit_png(image: Array) -> bytes:
    """Return a PNG with 16 bits per channel (ISO/IEC 15948); Pillow cannot write colour ones."""
    height, width = image.shape[:2]
    true_colour, no_filter = 2, b"\0"  # every row begins with its filter
    rows = b"".join(no_filter + row.tobytes() for row in image.astype(">u2"))
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 16, true_colour, 0, 0, 0)),
        SRGB,
        (b"IDAT", zlib.compress(rows, 6)),
        (b"IEND", b""),
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )

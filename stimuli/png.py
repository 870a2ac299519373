"""PNG files of stored images: 8 bits a channel, and 16, which Pillow does not write in colour."""

import io
import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from scenes.base.atomic_files import whole_file

SIGNATURE = b"\x89PNG\r\n\x1a\n"
TRUE_COLOUR, PERCEPTUAL = 2, 0


def write_png(path: Path, image: NDArray[np.uint8] | NDArray[np.uint16]) -> None:
    """Write an image as PNG (ISO/IEC 15948), marked as sRGB, without loss and in one step.

    Parameters
    ----------
    path
        The file.
    image
        (H, W, 3) uint8 or uint16, sRGB-encoded.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    height, width = image.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8 * image.dtype.itemsize, TRUE_COLOUR, 0, 0, 0)
    lines = np.ascontiguousarray(image.astype(image.dtype.newbyteorder(">")))
    # Each line begins with the number of its filter: 0, none.
    plain = b"".join(b"\0" + line.tobytes() for line in lines)
    with whole_file(path) as beside:
        beside.write_bytes(
            SIGNATURE
            + _chunk(b"IHDR", header)
            + _chunk(b"sRGB", bytes([PERCEPTUAL]))
            + _chunk(b"IDAT", zlib.compress(plain, 6))
            + _chunk(b"IEND", b"")
        )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def eight_bit_png(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Write an image (H, W, 3) as a PNG of 8 bits."""
    eight = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    file = io.BytesIO()
    Image.fromarray(eight).save(file, format="PNG", optimize=True)
    return file.getvalue()

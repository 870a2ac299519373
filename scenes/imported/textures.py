"""Read the pictures of an imported file: from bytes in it, or from files beside it."""

import struct
import tempfile
from pathlib import Path

import numpy as np

from scenes.arrays import Picture
from scenes.base.errors import InputError, about, reading
from scenes.pictures.encoded import Encoding
from scenes.pictures.files import read_picture
from scenes.pictures.jpeg_files import size_of

MOST_TEXTURE_PIXELS = 2**26  # 8192 × 8192: 805 MB in memory


class Textures:
    """Reads every picture of a file once for each encoding."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, Encoding], Picture] = {}

    def of_bytes(self, name: str, data: bytes, encoding: Encoding) -> Picture:
        """Return a picture that is stored in a file; `name` identifies it."""
        if (name, encoding) not in self._read:
            check_pixels(name, data)
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "texture"
                path.write_bytes(data)
                try:
                    picture = read_picture(path, encoding=encoding, alpha="ignore")
                except InputError as error:
                    message = str(error).replace(str(path), name, 1)
                    raise InputError(message) from error
            self._read[name, encoding] = picture
        return self._read[name, encoding]

    def of_file(self, path: Path, encoding: Encoding) -> Picture:
        """Return a picture that is beside a file."""
        key = str(path)
        if (key, encoding) not in self._read:
            if not path.is_file():
                raise InputError(f"{path}: no such texture; put it there, or export it again")
            with reading(path):
                data = path.read_bytes()
            check_pixels(key, data)
            self._read[key, encoding] = read_picture(path, encoding=encoding, alpha="ignore")
        return self._read[key, encoding]


def check_pixels(name: str, data: bytes) -> None:
    """Raise if a picture is too large, by the size in its header."""
    width, height = 0, 0
    if data.startswith(b"\x89PNG\r\n\x1a\n") and len(data) >= 24:
        width, height = struct.unpack_from(">II", data, 16)
    elif data.startswith(b"\xff\xd8\xff"):
        with about(name):
            width, height = size_of(data)
    if width * height > MOST_TEXTURE_PIXELS:
        raise InputError(
            f"{name}: has {width} × {height} pixels; at most {MOST_TEXTURE_PIXELS} (8192 × 8192) "
            "are imported: make the texture smaller"
        )


def color_texture(picture: Picture, factor: tuple[float, float, float]) -> Picture:
    """Return a texture with 3 channels, multiplied by a factor, and clipped to 0 to 1."""
    pixels = np.repeat(picture.pixels, 3, axis=2) if picture.channels == 1 else picture.pixels
    scaled = pixels * np.array(factor, np.float32)
    return Picture(np.clip(scaled, 0, 1, out=scaled))


def channel(picture: Picture, number: int, factor: float = 1.0) -> Picture:
    """Return one channel of a texture, multiplied by a factor; a grey picture has only one."""
    pixels = picture.pixels[:, :, min(number, picture.channels - 1)]
    return Picture(np.clip(pixels * np.float32(factor), 0, 1))

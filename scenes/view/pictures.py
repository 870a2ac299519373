"""Pictures of a page as data URLs, small enough for a page."""

import io
from base64 import b64encode
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from scenes.arrays import Picture
from scenes.base.errors import InputError, reading
from scenes.film import srgb_encode

LARGEST_TEXTURE = 1024  # pixels per side; larger ones are made smaller
LARGEST_RENDER = 512
QUALITY = 90  # of JPEG


def texture_url(texture: Picture, *, color: bool) -> str:
    """Return a texture as a JPEG, sRGB-encoded if it is a colour, at most 1024 pixels wide."""
    values = srgb_encode(texture.pixels) if color else texture.pixels
    pixels = np.round(values * 255).astype(np.uint8)
    if texture.channels == 1:
        pixels = np.repeat(pixels, 3, axis=2)
    return _jpeg(Image.fromarray(pixels), LARGEST_TEXTURE)


def render_url(path: Path) -> str:
    """Return a rendered PNG unchanged, or as a JPEG of 512 pixels if it is wider or higher.

    Raises
    ------
    InputError
        The file cannot be read, or is damaged.
    """
    with reading(path):
        data = path.read_bytes()
        try:
            with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
                image.load()
                if max(image.size) > LARGEST_RENDER:
                    return _jpeg(image.convert("RGB"), LARGEST_RENDER)
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError) as error:
            raise InputError("is no PNG, or damaged; render it again, or remove it") from error
    return _url("png", data)


def _jpeg(image: Image.Image, largest: int) -> str:
    """Return a picture as a JPEG whose sides have at most `largest` pixels."""
    image.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    image.save(file, format="JPEG", quality=QUALITY, subsampling=0)
    return _url("jpeg", file.getvalue())


def _url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{b64encode(data).decode('ascii')}"

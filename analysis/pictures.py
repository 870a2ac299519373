"""Stored images as files that a browser shows."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def png(image: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Write an image (H, W, 3) as a PNG of 8 bits."""
    eight = (image >> 8).astype(np.uint8) if image.dtype == np.uint16 else image
    file = io.BytesIO()
    Image.fromarray(eight).save(file, format="PNG", optimize=True)
    return file.getvalue()

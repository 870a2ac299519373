"""Arrays of a page as base64, each stored once."""

from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import array_sha256


class Buffers:
    """Collects arrays; scenes with equal arrays share them."""

    def __init__(self) -> None:
        self.base64: dict[str, str] = {}  # key → bytes, little-endian, in C order

    def floats(self, array: NDArray[np.floating]) -> str:
        """Store an array as float32, and return its key."""
        return self._add(np.asarray(array, "<f4"))

    def halves(self, array: NDArray[np.floating]) -> str:
        """Store an array as float16, clipped to its range, and return its key."""
        return self._add(np.clip(array, 0, np.finfo(np.float16).max).astype("<f2"))

    def indices(self, array: NDArray[np.integer]) -> str:
        """Store an array as uint32, and return its key."""
        return self._add(np.asarray(array, "<u4"))

    def _add(self, array: NDArray[np.generic]) -> str:
        """Store an array, and return its key."""
        key = array_sha256(array)[:16]
        if key not in self.base64:
            self.base64[key] = b64encode(np.ascontiguousarray(array).tobytes()).decode("ascii")
        return key

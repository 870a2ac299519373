"""Values that no light has: refused, or clipped where that was asked for."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.pictures.decoded import Decoded

Repair = Literal["clip"] | None


def repaired(decoded: Decoded, repair: Repair) -> tuple[NDArray[np.float32], int]:
    """Pixels without negative values and values that are not finite, and how many were clipped.

    Raises
    ------
    InputError
        When there are some, and `repair` is None; with their counts.
    """
    pixels = decoded.pixels
    wrong = int(np.count_nonzero(~np.isfinite(pixels) | (pixels < 0)))
    if not wrong:
        return pixels, 0
    if repair is None:
        found = _complaint(pixels)
        if decoded.converted:
            found += f": colours of {decoded.converted} that Rec. 709 does not have"
        to_do = "convert the picture to sRGB" if decoded.converted else "mend the file"
        raise InputError(f"{found}; {to_do} (an environment map: or set repair: clip)")
    return _clipped(pixels), wrong


def _complaint(pixels: NDArray[np.float32]) -> str:
    negative = int(np.count_nonzero(pixels < 0))
    broken = int(np.count_nonzero(~np.isfinite(pixels)))
    parts = []
    if negative:
        parts.append(f"{negative} negative (down to {np.nanmin(pixels):g})")
    if broken:
        parts.append(f"{broken} not finite")
    return f"of {pixels.size} values {' and '.join(parts)}"


def _clipped(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    finite = pixels[np.isfinite(pixels)]
    highest = float(finite.max()) if finite.size else 0.0
    return np.nan_to_num(np.maximum(pixels, 0), nan=0.0, posinf=max(highest, 0.0))

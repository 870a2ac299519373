"""Refuse or clip values that light cannot have: negative, or not finite."""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.pictures.decoded import Decoded

Repair = Literal["clip"] | None


def repaired(decoded: Decoded, repair: Repair) -> tuple[NDArray[np.float32], int]:
    """Return pixels with such values clipped, and the number of these values.

    Raise if there are any and `repair` is None.
    """
    pixels, finite = decoded.pixels, np.isfinite(decoded.pixels)
    wrong = int(np.count_nonzero(~finite | (pixels < 0)))
    if not wrong:
        return pixels, 0
    if repair is None:
        negative, infinite = int(np.count_nonzero(pixels < 0)), int(np.count_nonzero(~finite))
        parts = [f"{negative} negative (down to {np.nanmin(pixels):g})"] if negative else []
        parts += [f"{infinite} not finite"] if infinite else []
        problem, to_do = f"of {pixels.size} values {' and '.join(parts)}", "correct the file"
        if decoded.converted:
            problem += f": colours of {decoded.converted} that Rec. 709 does not have"
            to_do = "convert the picture to sRGB"
        raise InputError(f"{problem}; {to_do} (an environment map: or set repair: clip)")
    # Negative values and NaN become 0, infinite values the largest finite one.
    highest = float(pixels[finite].max(initial=0.0))
    return np.nan_to_num(np.maximum(pixels, 0), nan=0.0, posinf=highest), wrong

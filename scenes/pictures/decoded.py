"""What a reader of one kind of file returns, and what all readers check in the same way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError

MOST_PIXELS = 2**27
OPAQUE = 0.998  # an alpha that a renderer's filter rounded is still 1


@dataclass(frozen=True)
class Decoded:
    """A picture before it is checked for negative values and values that are not finite.

    Parameters
    ----------
    pixels
        (H, W, 1 or 3) float32: linear Rec. 709, or data. The first row is the top.
    notes
        What in the file was changed, or left out, one sentence each.
    pixel_aspect
        Width of a pixel ÷ its height, as the file says.
    converted
        Name of the colour space that the file has, if its primaries were converted.
    """

    pixels: NDArray[np.float32]
    notes: tuple[str, ...] = ()
    pixel_aspect: float = 1.0
    converted: str | None = None


def check_size(height: int, width: int) -> None:
    """Refuse a picture without pixels, and one that is too large to read."""
    if height < 1 or width < 1:
        raise InputError(f"has {width} × {height} pixels; use at least 1 × 1")
    if height * width > MOST_PIXELS:
        raise InputError(
            f"has {width} × {height} pixels; at most {MOST_PIXELS} (16384 × 8192) are read: make "
            "the picture smaller"
        )


def check_opaque(alpha: NDArray[np.floating]) -> None:
    """Refuse a picture that is not opaque everywhere; alpha runs from 0 to 1."""
    # Written so that NaN counts as not opaque.
    transparent = int(np.count_nonzero(~(np.abs(alpha - 1) <= 1 - OPAQUE)))
    if transparent:
        raise InputError(
            f"is transparent: its alpha is not 1 in {transparent} of {alpha.size} pixels; flatten "
            "it onto a background, or remove the alpha channel, and save it again"
        )


def aspect_notes(aspect: float) -> tuple[str, ...]:
    """Say that pixels are not square, where they are not."""
    if abs(aspect - 1) < 1e-3:
        return ()
    return (f"its pixels are not square ({aspect:.4g} times as wide as high); none was resampled",)


def broken(kind: str, what: str) -> InputError:
    """Make the error for a file that does not hold what its kind defines."""
    return InputError(f"cannot be read as {kind}: {what}; get the file again")

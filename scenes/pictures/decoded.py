"""The result that every picture reader returns, and checks that the readers share."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError

MOST_PIXELS = 2**27
Alpha = Literal["refuse", "ignore"]  # of transparent pixels
OPAQUE = 0.998  # least alpha of an opaque pixel; filters of renderers give slightly less than 1


@dataclass(frozen=True)
class Decoded:
    """A picture as read; values that are negative or not finite are handled later."""

    pixels: NDArray[np.float32]  # (H, W, 1 or 3), linear Rec. 709 or data; row 0 is the top
    notes: tuple[str, ...] = ()  # changes and omissions, one sentence each
    pixel_aspect: float = 1.0  # width of a pixel ÷ its height
    converted: str | None = None  # the file's colour space, if its primaries were converted


def check_size(height: int, width: int) -> None:
    """Raise if a picture has no pixels, or too many."""
    if height < 1 or width < 1:
        raise InputError(f"has {width} × {height} pixels; use at least 1 × 1")
    if height * width > MOST_PIXELS:
        raise InputError(
            f"has {width} × {height} pixels; at most {MOST_PIXELS} (16384 × 8192) are read: make "
            "the picture smaller"
        )


def check_opaque(alpha: NDArray[np.floating]) -> None:
    """Raise if a pixel is not opaque; alpha is 0 to 1."""
    # In this form, NaN is not opaque.
    transparent = int(np.count_nonzero(~(np.abs(alpha - 1) <= 1 - OPAQUE)))
    if transparent:
        raise InputError(
            f"is transparent: its alpha is not 1 in {transparent} of {alpha.size} pixels; flatten "
            "it onto a background, or remove the alpha channel, and save it again"
        )


def aspect_notes(aspect: float) -> tuple[str, ...]:
    """Return a note if pixels are not square."""
    if abs(aspect - 1) < 1e-3:
        return ()
    return (f"its pixels are not square ({aspect:.4g} times as wide as high); none was resampled",)


def broken(kind: str, what: str) -> InputError:
    """Return the error for a file that breaks the rules of its format."""
    return InputError(f"cannot be read as {kind}: {what}; get the file again")

"""Convert the integers in a picture file to linear light: curve, primaries, orientation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.film import srgb_decode
from scenes.pictures.decoded import Alpha, Decoded, check_opaque
from scenes.pictures.primaries import KNOWN, Matrix, converted, to_rec709

Encoding = Literal["srgb", "linear"]
Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]


@dataclass(frozen=True)
class ColourSpace:
    """Conversion of the values of a file to linear Rec. 709."""

    name: str
    curves: tuple[Curve, ...] = (srgb_decode,)  # from stored values to linear ones
    matrix: Matrix | None = None  # to linear Rec. 709; None if its primaries are the same
    note: str = ""  # for the user

    @property
    def is_srgb(self) -> bool:
        """Whether it is sRGB, the colour space of files that name none."""
        return self.name == SRGB.name


SRGB = ColourSpace("sRGB")
ADOBE_RGB = ColourSpace(
    "Adobe RGB", (lambda stored: stored ** (563 / 256),), to_rec709(KNOWN["Adobe RGB"])
)


def power(exponent: float) -> Curve:
    """Return a power law as a curve."""
    return lambda stored: stored**exponent


def marked_space(find: Callable[[], ColourSpace], encoding: Encoding) -> ColourSpace:
    """Return the colour space that a file names; raise if it cannot be read.

    For data (`encoding` ``"linear"``), a colour space that cannot be read is ignored.
    """
    try:
        return find()
    except InputError:
        if encoding == "srgb":
            raise
        return ColourSpace("a colour space that is not read")


def decoded(
    samples: NDArray[np.unsignedinteger],
    space: ColourSpace,
    encoding: Encoding,
    notes: Iterable[str] = (),
    orientation: int = 1,
    pixel_aspect: float = 1.0,
    alpha: Alpha = "refuse",
) -> Decoded:
    """Decode samples (H, W, 1 to 4); the second of 2 or the fourth of 4 channels is alpha."""
    all_notes = list(notes)
    top = int(np.iinfo(samples.dtype).max)
    channels = samples.shape[2]
    if channels in (2, 4):
        if alpha == "refuse":
            check_opaque(samples[:, :, -1] / top)
        samples = samples[:, :, :-1]
    name = None
    if encoding == "linear":
        pixels = samples.astype(np.float32) / np.float32(top)
        if not space.is_srgb:
            all_notes.append(
                f"its colours are marked as {space.name}; data is read without decoding"
            )
    else:
        all_notes += [space.note] if space.note else []
        pixels, name = _linear(samples, space, all_notes)
    return upright(Decoded(pixels, tuple(all_notes), pixel_aspect, name), orientation)


def upright(picture: Decoded, orientation: int) -> Decoded:
    """Rotate or mirror a picture from an EXIF orientation, 1 to 8, to upright; add a note."""
    pixels, notes, aspect = picture.pixels, picture.notes, picture.pixel_aspect
    if orientation != 1:
        pixels = turned(pixels, orientation)
        notes = (*notes, f"turned as its orientation tag {orientation} says")
        aspect = 1 / aspect if orientation >= 5 else aspect
    return Decoded(np.ascontiguousarray(pixels), notes, aspect, picture.converted)


def turned(pixels: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Return pixels rotated or mirrored from an EXIF orientation, 1 to 8, to upright."""
    if orientation in (2, 3, 7, 8):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 6, 7):
        pixels = pixels[::-1]
    return pixels.swapaxes(0, 1) if orientation >= 5 else pixels


def _linear(
    samples: NDArray[np.unsignedinteger], space: ColourSpace, notes: list[str]
) -> tuple[NDArray[np.float32], str | None]:
    """Return linear Rec. 709, and the name of the colour space if the primaries were converted."""
    channels = samples.shape[2]
    top = int(np.iinfo(samples.dtype).max)
    stored = np.arange(top + 1) / top
    curves = (space.curves * 3)[:3] if channels == 3 else space.curves[:1]
    tables = [np.asarray(curve(stored), np.float64) for curve in curves]
    linear = _looked_up(samples, tables)
    if not space.is_srgb:
        notes.append(f"its colours are marked as {space.name}, and were converted to linear sRGB")
    if space.matrix is None or channels == 1:
        return linear, None
    steps = [np.gradient(table) / 2 for table in tables]
    return converted(linear, space.matrix, _looked_up(samples, steps)), space.name


def _looked_up(
    samples: NDArray[np.unsignedinteger], tables: list[NDArray[np.float64]]
) -> NDArray[np.float32]:
    """Return the entry of each sample in its channel's table."""
    return np.stack(
        [table.astype(np.float32)[samples[:, :, i]] for i, table in enumerate(tables)], axis=2
    )

"""Pictures from files and back.

What a file is follows from its first bytes, never from its name. Whatever in it changes what the
picture means is honoured and noted, or refused.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from scenes.arrays import Picture
from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError, about, one_line
from scenes.pictures.decoded import Decoded
from scenes.pictures.encoded import Encoding
from scenes.pictures.exr_files import read_exr
from scenes.pictures.jpeg_files import read_jpeg
from scenes.pictures.png_files import read_png
from scenes.pictures.radiance_files import read_radiance
from scenes.pictures.repair import Repair, repaired

USE = "save it as EXR, HDR, PNG or JPEG"
# First bytes, kind, and the suffixes that say so.
KINDS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"\x76\x2f\x31\x01", "EXR", (".exr",)),
    (b"#?", "Radiance HDR", (".hdr", ".pic", ".rgbe")),
    (b"\x89PNG\r\n\x1a\n", "PNG", (".png",)),
    (b"\xff\xd8\xff", "JPEG", (".jpg", ".jpeg", ".jpe")),
)
# Kinds that are not read, by (place, bytes).
REFUSED: tuple[tuple[int, bytes, str], ...] = (
    (0, b"GIF8", "GIF"),
    (0, b"II*\0", "TIFF"),
    (0, b"MM\0*", "TIFF"),
    (0, b"II+\0", "TIFF"),
    (0, b"MM\0+", "TIFF"),
    (8, b"WEBP", "WebP"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"JXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (4, b"jP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\x8aMNG", "MNG"),
    (0, b"8BPS", "Photoshop"),
    (0, b"DDS ", "DDS"),
    (0, b"\xabKTX", "KTX"),
    (0, b"BM", "BMP"),
    (0, b"PF\n", "PFM"),
    (0, b"Pf\n", "PFM"),
    *((0, b"P%d" % number, "PNM") for number in range(1, 8)),
)
READERS: dict[str, Callable[[Path, Encoding], Decoded]] = {
    "EXR": lambda path, _: read_exr(path),
    "Radiance HDR": lambda path, _: read_radiance(path),
    "PNG": read_png,
    "JPEG": read_jpeg,
}


@dataclass(frozen=True)
class PictureRead:
    """A picture, and what was done to read it; as text, one line that says it.

    Parameters
    ----------
    picture
        Linear light, or data, with 1 or 3 channels.
    repaired
        Number of values that ``repair`` changed.
    kind
        ``"EXR"``, ``"Radiance HDR"``, ``"PNG"`` or ``"JPEG"``.
    pixel_aspect
        Width of a pixel ÷ its height, as the file says.
    notes
        What was converted, turned or left out, one sentence each.
    """

    picture: Picture
    repaired: int
    kind: str
    pixel_aspect: float
    notes: tuple[str, ...]

    def __str__(self) -> str:
        height, width, channels = self.picture.pixels.shape
        size = f"{self.kind}, {width} × {height} pixels, {channels} channel{'s'[: channels - 1]}"
        return "; ".join((size, *self.notes))


def read_picture_file(
    path: Path, repair: Repair = None, encoding: Encoding = "srgb"
) -> PictureRead:
    """Read a picture as linear light, and return notes of how it was read.

    Parameters
    ----------
    path
        EXR, Radiance HDR, PNG or JPEG, whatever its name.
    repair
        ``"clip"``: negative values and NaN become 0, infinite ones the largest finite value.
    encoding
        Of a PNG or JPEG: ``"srgb"`` (colours) decodes by the colour space that the file names,
        else by sRGB; ``"linear"`` (roughness and other data) divides by the largest value that
        the format can hold, whatever colour space the file names.

    Raises
    ------
    InputError
        When the file is missing, cannot be read, is not opaque, is of a kind or has colours that
        are not converted, or holds negative values or values that are not finite.
    """
    path = Path(path)
    with about(str(path)):
        kind, notes = _kind(path)
        try:
            decoded = READERS[kind](path, encoding)
        except (OSError, MemoryError) as error:
            raise InputError(f"cannot be read: {one_line(error)}") from error
        pixels, count = repaired(decoded, repair)
        if count:
            notes += (f"{count} values that were negative or not finite were clipped",)
        picture = Picture(pixels)
    return PictureRead(picture, count, kind, decoded.pixel_aspect, notes + decoded.notes)


def read_picture(path: Path, repair: Repair = None, encoding: Encoding = "srgb") -> Picture:
    """Read a picture as linear light: the picture of `read_picture_file`.

    Parameters
    ----------
    path, repair, encoding
        As for `read_picture_file`.

    Raises
    ------
    InputError
        As `read_picture_file`.
    """
    return read_picture_file(path, repair, encoding).picture


def _kind(path: Path) -> tuple[str, tuple[str, ...]]:
    """Kind of a file by its first bytes, and a note if its name says another."""
    if not path.is_file():
        raise InputError("no such picture file; check the path")
    try:
        with path.open("rb") as file:
            head = file.read(32)
    except OSError as error:
        raise InputError(f"cannot be read: {one_line(error)}") from error
    if not head:
        raise InputError("is empty; get the file again")
    suffix = path.suffix.lower()
    for first, kind, suffixes in KINDS:
        if head.startswith(first):
            note = f"its format is {kind}, though its name ends in {suffix or 'nothing'}"
            return kind, () if suffix in suffixes else (note,)
    for place, mark, kind in REFUSED:
        if head[place:].startswith(mark):
            raise InputError(f"its format is {kind}, which is not read; {USE}")
    raise InputError(f"is not a picture of a known kind; {USE}")


def write_picture(picture: Picture, path: Path) -> None:
    """Write a picture as float32 EXR without loss.

    Parameters
    ----------
    picture
        What to write.
    path
        An ``.exr`` file; replaced in one step.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    write_exr(picture.pixels, path)


def write_exr(pixels: NDArray[np.float32] | NDArray[np.float16], path: Path) -> None:
    """Write linear radiance as an EXR of the same precision, without loss, in one step.

    Parameters
    ----------
    pixels
        (H, W, 3) RGB or (H, W, 1) grey.
    path
        An ``.exr`` file; replaced in one step.

    Raises
    ------
    InputError
        When the file cannot be written.
    """
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    # OpenEXR takes arrays without gaps that it might write to.
    whole = np.array(pixels, order="C")
    channels = {"RGB": whole} if whole.shape[2] == 3 else {"Y": whole[:, :, 0].copy()}
    with whole_file(path) as beside:
        try:
            OpenEXR.File(header, channels).write(str(beside))
        except RuntimeError as error:
            raise InputError(f"{path}: cannot be written: {error}") from error

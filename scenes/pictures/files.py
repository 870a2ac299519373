"""Read and write picture files.

The first bytes of a file determine its kind, not its name. Everything in the file that changes
the meaning of the picture is applied and noted, or refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from scenes.arrays import Picture
from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError, about, one_line
from scenes.pictures.decoded import Alpha, Decoded
from scenes.pictures.encoded import Encoding
from scenes.pictures.exr_files import exr_channels, read_exr
from scenes.pictures.jpeg_files import read_jpeg
from scenes.pictures.png_files import read_png
from scenes.pictures.radiance_files import read_radiance
from scenes.pictures.repair import Repair, repaired

USE = "save it as EXR, HDR, PNG or JPEG"
SPARE = 2  # pixels: some programs write an environment map with a row more or less
# First bytes, kind, and its suffixes.
KINDS: tuple[tuple[bytes, str, tuple[str, ...]], ...] = (
    (b"\x76\x2f\x31\x01", "EXR", (".exr",)),
    (b"#?", "Radiance HDR", (".hdr", ".pic", ".rgbe")),
    (b"\x89PNG\r\n\x1a\n", "PNG", (".png",)),
    (b"\xff\xd8\xff", "JPEG", (".jpg", ".jpeg", ".jpe")),
)
# Kinds that are not read: position in the file, bytes there, kind.
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
READERS: dict[str, Callable[[Path, Encoding, Alpha], Decoded]] = {
    "EXR": lambda path, *_: read_exr(path),
    "Radiance HDR": lambda path, *_: read_radiance(path),
    "PNG": read_png,
    "JPEG": lambda path, encoding, _: read_jpeg(path, encoding),
}


@dataclass(frozen=True)
class PictureRead:
    """A picture that was read from a file; as text, a summary in one line."""

    picture: Picture
    repaired: int  # number of values that `repair` changed
    kind: str  # a key of READERS
    pixel_aspect: float  # width of a pixel ÷ its height
    notes: tuple[str, ...]  # conversions and omissions, one sentence each

    @property
    def is_whole_sphere(self) -> bool:
        """Whether the picture, with the shape of its pixels, is twice as wide as high."""
        height, width, _ = self.picture.pixels.shape
        return abs(width * self.pixel_aspect - 2 * height) <= SPARE

    def __str__(self) -> str:
        height, width, channels = self.picture.pixels.shape
        size = f"{self.kind}, {width} × {height} pixels, {channels} channel{'s'[: channels - 1]}"
        return "; ".join((size, *self.notes))


def read_picture_file(
    path: Path, repair: Repair = None, encoding: Encoding = "srgb", alpha: Alpha = "refuse"
) -> PictureRead:
    """Read a picture as linear light, or as data if the `encoding` is ``"linear"``.

    Transparent pixels of PNG files are refused, or shown as opaque if `alpha` is ``"ignore"``.
    """
    path = Path(path)
    with about(str(path)):
        kind, notes = _kind(path)
        try:
            decoded = READERS[kind](path, encoding, alpha)
        except (OSError, MemoryError) as error:
            raise InputError(f"cannot be read: {one_line(error)}") from error
        pixels, count = repaired(decoded, repair)
        if count:
            notes += (f"{count} values that were negative or not finite were clipped",)
        picture = Picture(pixels)
    return PictureRead(picture, count, kind, decoded.pixel_aspect, notes + decoded.notes)


def read_picture(
    path: Path, repair: Repair = None, encoding: Encoding = "srgb", alpha: Alpha = "refuse"
) -> Picture:
    """Read a picture as `read_picture_file` does, and return it without the summary."""
    return read_picture_file(path, repair, encoding, alpha).picture


def check_whole_sphere(read: PictureRead) -> None:
    """Raise if a picture cannot be an environment map, because it is not twice as wide as high."""
    height, width, _ = read.picture.pixels.shape
    if not read.is_whole_sphere:
        raise InputError(
            f"has {width} × {height} pixels; an environment map shows the whole sphere in latitude "
            "and longitude and is twice as wide as high: convert a cube, a mirror ball or a cut "
            "panorama, or resize the map if it shows the whole sphere"
        )


def _kind(path: Path) -> tuple[str, tuple[str, ...]]:
    """Return the kind of a file by its first bytes, and a note if its suffix is that of another."""
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
    """Write a picture as float32 EXR without loss."""
    write_exr(picture.pixels, path)


def write_exr(pixels: NDArray[np.float32] | NDArray[np.float16], path: Path) -> None:
    """Write pixels (H, W, 3 or 1) as an EXR of the same precision, without loss, in one step."""
    names = "RGB" if pixels.shape[2] == 3 else "Y"
    write_channels({name: pixels[:, :, i] for i, name in enumerate(names)}, path)


def read_channels(path: Path, names: Sequence[str]) -> NDArray[np.float32]:
    """Read channels (H, W, C) that `write_channels` wrote, unchanged; raise if one is missing."""
    with about(str(path)):
        channels = exr_channels(path)
        if missing := [name for name in names if name not in channels]:
            raise InputError(f"lacks the channel {missing[0]}; make the file again")
        return np.stack([channels[name] for name in names], axis=2).astype(np.float32, copy=False)


def write_channels(
    channels: Mapping[str, NDArray[np.float32] | NDArray[np.float16]], path: Path
) -> None:
    """Write channels (H, W) with any names as an EXR, without loss, in one step."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    # OpenEXR needs contiguous, writable arrays.
    whole = {name: np.array(values, order="C") for name, values in channels.items()}
    with whole_file(path) as beside:
        try:
            OpenEXR.File(header, whole).write(str(beside))
        except RuntimeError as error:
            raise InputError(f"{path}: cannot be written: {error}") from error

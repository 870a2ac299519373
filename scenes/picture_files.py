"""Pictures from files and back."""

from pathlib import Path
from typing import Any, Literal

import imageio.v3 as imageio
import numpy as np
import OpenEXR
from numpy.typing import NDArray

from scenes.arrays import Picture
from scenes.atomic import whole_file
from scenes.errors import InputError
from scenes.film import srgb_decode

Repair = Literal["clip"] | None
Encoding = Literal["srgb", "linear"]
EIGHT_BIT = (".png", ".jpg", ".jpeg")
FOREIGN_MODES = ("CMYK", "YCbCr", "LAB", "HSV")  # Pillow's names of colours that are not RGB


def read_picture(path: Path, repair: Repair = None, encoding: Encoding = "srgb") -> Picture:
    """Read a picture as linear-light values.

    Parameters
    ----------
    path
        EXR (taken as linear), PNG or JPEG.
    repair
        ``"clip"``: negative values and NaN become 0, infinite ones the largest finite value.
    encoding
        Of a PNG or JPEG: ``"srgb"`` (colours) decodes to linear; ``"linear"`` (roughness and other
        data) divides by the largest value that the format can hold.

    Returns
    -------
    Picture
        With 1 or 3 channels; an alpha channel is left out.

    Raises
    ------
    InputError
        When the file is missing, cannot be read, has channels that are neither grey nor RGB, or
        holds negative values or values that are not finite (with their counts).
    """
    return read_repaired(path, repair, encoding)[0]


def read_repaired(
    path: Path, repair: Repair = None, encoding: Encoding = "srgb"
) -> tuple[Picture, int]:
    """Read a picture as `read_picture` does, and count the repaired values.

    Parameters
    ----------
    path, repair, encoding
        As for `read_picture`.

    Returns
    -------
    picture : Picture
        What `read_picture` returns.
    repaired : int
        Number of values changed by `repair`.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: no such picture file; check the path")
    suffix = path.suffix.lower()
    if suffix == ".exr":
        pixels = _read_exr(path)
    elif suffix in EIGHT_BIT:
        pixels = _read_eight_bit(path, encoding)
    else:
        raise InputError(f"{path}: unknown kind of picture '{suffix}'; use .exr, .png or .jpg")
    wrong = int(np.count_nonzero(~np.isfinite(pixels) | (pixels < 0)))
    if wrong and repair is None:
        raise InputError(f"{path}: {_complaint(pixels)}; mend the file, or set repair: clip")
    return Picture(_clipped(pixels) if wrong else pixels), wrong


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


def _read_exr(path: Path) -> NDArray[np.float32]:
    try:
        with OpenEXR.File(str(path), separate_channels=True) as file:
            channels: dict[str, Any] = {
                name: np.array(channel.pixels, np.float32)
                for name, channel in file.channels().items()
            }
    except (RuntimeError, ValueError, TypeError) as error:
        raise InputError(f"{path}: cannot be read as EXR: {error}") from error
    names = set(channels) - {"A"}
    if names == {"R", "G", "B"}:
        return np.stack([channels[name] for name in "RGB"], axis=2)
    if len(names) == 1:
        return np.asarray(channels[names.pop()])[:, :, None]
    raise InputError(
        f"{path}: has the channels {', '.join(sorted(channels))}; use R, G and B, or one channel"
    )


def _read_eight_bit(path: Path, encoding: Encoding) -> NDArray[np.float32]:
    try:
        mode = imageio.immeta(path, plugin="pillow")["mode"]
        raw = imageio.imread(path, plugin="pillow")
    except (OSError, ValueError, SyntaxError) as error:
        raise InputError(f"{path}: cannot be read as a picture: {error}") from error
    if mode in FOREIGN_MODES:
        raise InputError(f"{path}: has {mode} colours; save it as RGB or grey")
    if raw.dtype not in (np.uint8, np.uint16):
        raise InputError(f"{path}: holds {raw.dtype} values; save it with 8 or 16 bits a channel")
    values = raw.reshape(*raw.shape[:2], -1) / np.iinfo(raw.dtype).max
    if values.shape[2] in (2, 4):
        values = values[:, :, :-1]
    return (srgb_decode(values) if encoding == "srgb" else values).astype(np.float32)


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

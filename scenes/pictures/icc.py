"""Read colour spaces of ICC profiles that consist of a matrix and curves (ICC.1:2022)."""

import struct

import numpy as np
from numpy.typing import NDArray

from scenes.base.errors import InputError
from scenes.film import srgb_decode
from scenes.pictures.encoded import SRGB, ColourSpace, Curve
from scenes.pictures.primaries import D65, KNOWN, adaptation, rgb_to_xyz, xyz

D50 = np.array([0.9642, 1.0, 0.8249])
SAME_CURVE = 2e-3  # largest difference from the sRGB curve
SAME_MATRIX = 3e-3  # largest difference from the identity
EQUAL_CURVES = 1e-4  # largest difference between the three curves of a grey picture
MOST_ENTRIES = 2**16
TO_SRGB = "convert the picture to sRGB"


def colour_space(profile: bytes, channels: int) -> ColourSpace:
    """Return the colour space of an ICC profile for a picture of 1 or 3 colour channels."""
    try:
        return _colour_space(profile, channels)
    except (struct.error, IndexError, KeyError, UnicodeDecodeError, ValueError) as error:
        raise InputError(f"its ICC profile cannot be read ({error}); {TO_SRGB}") from error


def _colour_space(profile: bytes, channels: int) -> ColourSpace:
    """Return the colour space; errors of a damaged profile are not caught."""
    if profile[36:40] != b"acsp":
        raise ValueError("it is not one")
    space, connection = profile[16:20].decode("ascii"), profile[20:24]
    if space not in ("RGB ", "GRAY") or (space == "GRAY" and channels == 3):
        raise InputError(
            f"has {channels} colour channels and an ICC profile for {space.strip()}; {TO_SRGB}"
        )
    tags = _tags(profile)
    name = _name(tags)
    wanted = ("kTRC",) if space == "GRAY" else ("rTRC", "gTRC", "bTRC", "rXYZ", "gXYZ", "bXYZ")
    tabled = [tag for tag in tags if tag[:3] in ("A2B", "D2B")]
    if tabled or any(tag not in tags for tag in wanted) or connection != b"XYZ ":
        raise InputError(f"its ICC profile '{name}' is not a matrix with curves; {TO_SRGB}")
    if "cicp" in tags and tags["cicp"][9] in (16, 18):
        raise InputError(f"its ICC profile '{name}' is for high dynamic range; save it as EXR")
    curves = tuple(_curve(tags[tag]) for tag in wanted if tag.endswith("TRC"))
    stored = np.linspace(0, 1, 256)
    is_srgb = all(np.abs(each(stored) - srgb_decode(stored)).max() < SAME_CURVE for each in curves)
    matrix = None
    if space == "RGB ":
        columns = np.stack([_xyz(tags[tag]) for tag in ("rXYZ", "gXYZ", "bXYZ")], axis=1)
        matrix = _to_rec709(columns, name)
        if np.abs(matrix - np.eye(3)).max() < SAME_MATRIX:
            matrix = None
    if channels == 1:
        # A grey picture may have a profile for colours; white stays white.
        if any(np.abs(each(stored) - curves[0](stored)).max() > EQUAL_CURVES for each in curves):
            raise InputError(
                f"is grey, and the three curves of its ICC profile '{name}' differ; {TO_SRGB}"
            )
        curves, matrix = curves[:1], None
    if is_srgb and matrix is None:
        return SRGB
    return ColourSpace(f"'{name}'", (srgb_decode,) if is_srgb else curves, matrix)


def _to_rec709(columns: NDArray[np.float64], name: str) -> NDArray[np.float64]:
    """Return the matrix to linear Rec. 709, which keeps white; colorants are relative to D50."""
    if np.abs(columns.sum(axis=1) - D50).max() > 0.03 or abs(np.linalg.det(columns)) < 1e-4:
        raise InputError(f"its ICC profile '{name}' has a matrix without a white; {TO_SRGB}")
    rec709 = rgb_to_xyz(KNOWN["Rec. 709"])
    matrix = np.linalg.inv(adaptation(xyz(D65), D50) @ rec709) @ columns
    return matrix / matrix.sum(axis=1, keepdims=True)


def _tags(profile: bytes) -> dict[str, bytes]:
    """Return the content of each tag of a profile by its name."""
    (count,) = struct.unpack_from(">I", profile, 128)
    tags = {}
    for number in range(min(count, 200)):
        name, start, size = struct.unpack_from(">4sII", profile, 132 + 12 * number)
        if start + size > len(profile):
            raise ValueError("it is cut short")
        tags[name.decode("latin-1")] = profile[start : start + size]
    return tags


def _xyz(tag: bytes) -> NDArray[np.float64]:
    """Return the XYZ of a colorant."""
    if tag[:4] != b"XYZ ":
        raise ValueError("a colorant is no XYZ")
    return np.array(struct.unpack_from(">3i", tag, 8)) / 65536


def _curve(tag: bytes) -> Curve:
    """Return the transfer curve in a tag: a power law, a table, or a formula."""
    kind = tag[:4]
    if kind == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        if count == 0:
            return lambda stored: stored
        if count > MOST_ENTRIES:
            raise ValueError("a curve is too long")
        entries = np.array(struct.unpack_from(f">{count}H", tag, 12))
        if count == 1:
            exponent = float(entries[0]) / 256
            return lambda stored: stored**exponent
        places = np.linspace(0, 1, count)
        return lambda stored: np.interp(stored, places, entries / 65535)
    if kind == b"para":
        (form,) = struct.unpack_from(">H", tag, 8)
        count = (1, 3, 4, 5, 7)[form]
        return _parametric(form, *(np.array(struct.unpack_from(f">{count}i", tag, 12)) / 65536))
    raise ValueError("a curve is of an unknown kind")


def _parametric(
    form: int,
    g: float,
    a: float = 1.0,
    b: float = 0.0,
    c: float = 0.0,
    d: float = 0.0,
    e: float = 0.0,
    f: float = 0.0,
) -> Curve:
    """Return a curve that a formula of ICC.1:2022, table 68, defines."""
    if a <= 0:
        raise ValueError("a curve has no slope")
    if form in (1, 2):
        # (a x + b)^g + c above −b/a, else c.
        d, e, f, c = -b / a, c if form == 2 else 0.0, c if form == 2 else 0.0, 0.0

    def curve(stored: NDArray[np.float64]) -> NDArray[np.float64]:
        curved = np.maximum(a * stored + b, 0) ** g + e
        return np.clip(np.where(stored >= d, curved, c * stored + f), 0, 1)

    return curve


def _name(tags: dict[str, bytes]) -> str:
    """Return the description of a profile."""
    tag = tags.get("desc", b"")
    if tag[:4] == b"desc":
        (length,) = struct.unpack_from(">I", tag, 8)
        text = tag[12 : 12 + length].decode("latin-1")
    elif tag[:4] == b"mluc":
        size, start = struct.unpack_from(">II", tag, 20)
        text = tag[start : start + size].decode("utf-16-be", "replace")
    else:
        text = ""
    return "".join(each for each in text if each.isprintable()).strip()[:60] or "without a name"

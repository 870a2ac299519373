"""Conversion of linear RGB with other primaries to linear Rec. 709."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from scenes.base.errors import InputError

Matrix = NDArray[np.float64]

D65 = (0.3127, 0.3290)
ACES_WHITE = (0.32168, 0.33767)
# Chromaticities (x, y) of red, green, blue and white.
KNOWN: dict[str, tuple[tuple[float, float], ...]] = {
    "Rec. 709": ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), D65),
    "Display P3": ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06), D65),
    "Adobe RGB": ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), D65),
    "Rec. 2020": ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), D65),
    "ProPhoto RGB": ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001), (0.3457, 0.3585)),
    "ACEScg": ((0.713, 0.293), (0.165, 0.830), (0.128, 0.044), ACES_WHITE),
    "ACES2065-1": ((0.7347, 0.2653), (0.0, 1.0), (0.0001, -0.0770), ACES_WHITE),
}
NEAR = 0.002  # chromaticities that differ by less are the same, rounded differently
# Bradford's cone responses (ICC.1:2022, annex E).
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)
ROWS = 512  # converted at a time, to save memory


def as_primaries(numbers: ArrayLike) -> NDArray[np.float64]:
    """Return chromaticities (4, 2) of red, green, blue and white; raise if they are not valid."""
    result = np.asarray(numbers, np.float64).reshape(4, 2)
    x, y = result[:3].T
    area = abs((x[1] - x[0]) * (y[2] - y[0]) - (x[2] - x[0]) * (y[1] - y[0]))
    usable = np.isfinite(result).all() and (np.abs(result) < 10).all()
    if not usable or area < 1e-4 or result[3, 1] < 1e-3 or (np.abs(y) < 1e-9).any():
        raise InputError(
            f"its primaries {' '.join(f'{each:.4g}' for each in result.ravel())} are no colour "
            "space; save it with Rec. 709 primaries"
        )
    return result


def name_of(primaries: ArrayLike) -> str:
    """Return the name of known primaries; for others, their numbers as text."""
    for name, known in KNOWN.items():
        if np.abs(np.asarray(primaries) - np.array(known)).max() <= NEAR:
            return name
    return "primaries " + " ".join(f"{each:.4g}" for each in np.ravel(primaries))


def to_rec709(primaries: ArrayLike, neutral: ArrayLike | None = None) -> Matrix | None:
    """Return the matrix from linear RGB to linear Rec. 709; None if the primaries are the same.

    The chromaticity `neutral`, or the white of the primaries, is adapted to D65 with Bradford's
    transform.
    """
    source = np.asarray(primaries, np.float64)
    white = source[3] if neutral is None else np.asarray(neutral, np.float64)
    target = np.array(KNOWN["Rec. 709"])
    if np.abs(source - target).max() <= NEAR and np.abs(white - target[3]).max() <= NEAR:
        return None
    adapted = adaptation(xyz(white), xyz(target[3]))
    return np.linalg.inv(rgb_to_xyz(target)) @ adapted @ rgb_to_xyz(source)


def rgb_to_xyz(primaries: ArrayLike) -> Matrix:
    """Return the matrix from linear RGB to CIE XYZ; white has luminance 1."""
    source = np.asarray(primaries, np.float64)
    columns = np.stack([xyz(each) for each in source[:3]], axis=1)
    return columns * np.linalg.solve(columns, xyz(source[3]))


def adaptation(source: ArrayLike, target: ArrayLike) -> Matrix:
    """Return Bradford's matrix, which maps the XYZ of one white to that of another."""
    gain = (BRADFORD @ np.asarray(target)) / (BRADFORD @ np.asarray(source))
    return np.linalg.inv(BRADFORD) @ (gain[:, None] * BRADFORD)


def converted(
    values: NDArray[np.floating], matrix: Matrix, rounding: NDArray[np.floating]
) -> NDArray[np.float32]:
    """Return pixels (H, W, 3) times a matrix.

    Results that differ from 0 or 1 by no more than their rounding error become 0 or 1; `rounding`
    is the error of each pixel value.
    """
    result = np.array(values, np.float32)
    for top in range(0, len(values), ROWS):
        rows = slice(top, top + ROWS)
        block, step = values[rows].astype(np.float64), rounding[rows].astype(np.float64)
        finite = np.isfinite(block).all(axis=2)
        product = block[finite] @ matrix.T
        slack = step[finite] @ np.abs(matrix).T
        product = np.where((product < 0) & (product >= -slack), 0, product)
        product = np.where((product > 1) & (product <= 1 + slack), 1, product)
        with np.errstate(over="ignore"):
            result[rows][finite] = product
    return result


def in_rec709(
    pixels: NDArray[np.floating],
    primaries: NDArray[np.float64],
    rounding: Callable[[], NDArray[np.floating]],
    notes: list[str],
    neutral: ArrayLike | None = None,
) -> tuple[NDArray[np.floating], str | None]:
    """Return pixels converted to Rec. 709, and the name of their primaries; add a note.

    If they are in Rec. 709 already, return them unchanged, and None.
    """
    matrix = to_rec709(primaries, neutral)
    if matrix is None:
        return pixels, None
    name = name_of(primaries)
    notes.append(f"converted from {name} to Rec. 709")
    return converted(pixels, matrix, rounding()), name


def xyz(chromaticity: ArrayLike) -> NDArray[np.float64]:
    """Return the CIE XYZ, with luminance 1, of a chromaticity (x, y)."""
    x, y = np.asarray(chromaticity, np.float64)
    return np.array([x / y, 1.0, (1 - x - y) / y])

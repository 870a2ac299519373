"""Activations of many images, in memory or, if large, in a temporary file without a name."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import torch

MOST_BYTES = 2**30
ROWS = 256  # images in a block of the matrix of distances


class ActivationStore:
    """Activations of one layer, one row per image; if large, in a temporary file in `folder`."""

    def __init__(self, count: int, folder: Path) -> None:
        self._count, self._folder = count, folder
        self._rows: np.ndarray | None = None

    def put(self, first: int, activations: torch.Tensor) -> None:
        """Store the activations (B, …) of B images, from image `first` on."""
        flat = activations.flatten(start_dim=1).float().cpu().numpy()
        if self._rows is None:
            self._rows = _empty((self._count, flat.shape[1]), self._folder)
        self._rows[first : first + len(flat)] = flat

    def get(self, images: list[int]) -> torch.Tensor:
        """Return the activations (B, D), float32, of the images with these row numbers."""
        return torch.from_numpy(np.ascontiguousarray(self._stored_rows[images]))

    def distances(self) -> np.ndarray:
        """Return the distances 1 − Pearson r between all images; the activations are overwritten.

        (count, count) float32, symmetric, in [0, 2], with diagonal 0; NaN for constant activations.
        """
        rows = self._stored_rows
        for block in _blocks(self._count):
            rows[block] = standardised(rows[block])
        r = np.empty((self._count, self._count), np.float32)
        for one in _blocks(self._count):
            for other in _blocks(one.stop):
                r[one, other] = rows[one] @ rows[other].T
                r[other, one] = r[one, other].T
        distances = np.clip(1 - r, 0, 2)
        # The two halves of a block on the diagonal differ by rounding.
        symmetric: np.ndarray = (distances + distances.T) / np.float32(2)
        np.fill_diagonal(symmetric, 0)
        return symmetric

    @property
    def _stored_rows(self) -> np.ndarray:
        if self._rows is None:
            raise ValueError("nothing has been put into the store")
        return self._rows


def standardised(rows: np.ndarray) -> np.ndarray:
    """Return rows (B, D) with mean 0 and length 1, so that their products are Pearson's r.

    Constant rows become NaN.
    """
    centred = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64).astype(np.float32)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    constant = rows.max(axis=1, keepdims=True) == rows.min(axis=1, keepdims=True)
    return np.where(constant, np.nan, centred / np.where(lengths == 0, 1, lengths))


def _blocks(count: int) -> list[slice]:
    """Return slices of `ROWS` numbers that cover 0 to `count`."""
    return [slice(first, min(first + ROWS, count)) for first in range(0, count, ROWS)]


def _empty(shape: tuple[int, int], folder: Path) -> np.ndarray:
    """Return a matrix without values, in memory or, if large, in a temporary file."""
    if 4 * shape[0] * shape[1] <= MOST_BYTES:
        return np.empty(shape, np.float32)
    # The file has no name: the system removes it when the process ends.
    with tempfile.TemporaryFile(dir=folder) as file:
        return np.memmap(file, np.float32, "w+", shape=shape)

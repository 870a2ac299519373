"""Fisher information of noisy activations, and the thresholds that it predicts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def floored_variance(rerenders: Array, floor: float) -> Array:
    """Return the variance (…, units) of activations (N ≥ 4, …, units) over N re-renders.

    Information needs 1/σ². For Gaussian samples the mean of 1/s² is (N − 1)/(N − 3)/σ² (the mean of
    an inverse χ²), so s² is enlarged by this factor; otherwise few re-renders would give lower
    thresholds than many. `floor` is the least variance, as a share of the mean variance. Raises
    ValueError if no unit varies.
    """
    count = len(rerenders)
    variance = rerenders.var(axis=0, ddof=1) * (count - 1) / (count - 3)
    mean = float(variance.mean())
    if not mean > 0:
        raise ValueError("activations do not vary over re-renders")
    return np.asarray(np.maximum(variance, floor * mean))


def information(derivative: Array, variance: Array) -> Array:
    """Return F = JᵀΣ⁻¹J (P, P), the mean over cameras: the information of one view.

    For Gaussian noise of fixed, diagonal covariance Σ (Kay 1993, eq. 3.31; of networks: Berardino,
    Ballé, Laparra & Simoncelli 2017). `derivative` is J, (P, cameras, units), and `variance` the
    diagonal of Σ, (cameras, units).
    """
    scaled = (derivative / np.sqrt(variance)).reshape(len(derivative), -1)
    return np.asarray(scaled @ scaled.T / variance.shape[0])


@dataclass(frozen=True)
class Prediction:
    """Predictions from a Fisher information F of P parameters."""

    # (P,): F_kk^(−1/2), the change of each parameter alone that is at d′ = 1; infinite if the model
    # does not respond to it.
    thresholds: Array
    # (P,), decreasing, of F with each parameter in units of its own threshold, so that they do not
    # depend on the choice of units.
    eigenvalues: Array
    eigenvectors: Array  # (P, P), one a row; 0 for parameters without a response
    # (P, P): row k is the change of all parameters, in their own units, along eigenvector k that is
    # at d′ = 1; NaN if the eigenvalue is 0.
    steps: Array


# An eigenvalue below this share of the largest is a rounding error.
LEAST_EIGENVALUE = 1e-9


def prediction(fisher: Array) -> Prediction:
    """Return thresholds and eigenvectors of an information matrix (P, P)."""
    diagonal = np.diag(fisher)
    seen = diagonal > 0
    thresholds = np.full(len(fisher), np.inf)
    thresholds[seen] = diagonal[seen] ** -0.5
    units = np.where(seen, thresholds, 0.0)
    values, vectors = np.linalg.eigh(fisher * np.outer(units, units))
    values, rows = values[::-1], vectors.T[::-1]
    rows = rows * np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])[:, None]
    nonzero = values > LEAST_EIGENVALUE * max(values[0], 0.0)
    lengths = np.where(nonzero, np.where(nonzero, values, 1.0) ** -0.5, np.nan)
    return Prediction(
        thresholds, np.where(nonzero, values, 0.0), rows, lengths[:, None] * rows * units
    )

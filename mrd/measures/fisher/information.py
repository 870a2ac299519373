"""Fisher information of noisy activations, and the thresholds that it predicts: pure functions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def floored_variance(rerenders: Array, floor: float) -> Array:
    """Variance (…, units) of activations (N, …, units) over re-renders, for information.

    What counts there is 1/σ², and the mean of 1/s² over samples of a Gaussian is
    (N − 1)/(N − 3)/σ² (the mean of an inverse χ²): by that the variance s² is enlarged, or few
    re-renders would promise thresholds that many do not hold.

    Parameters
    ----------
    rerenders
        Activations of one layer, N ≥ 4.
    floor
        Least variance, as a share of the mean variance over everything but N.

    Raises
    ------
    ValueError
        No unit varies at all.
    """
    count = len(rerenders)
    variance = rerenders.var(axis=0, ddof=1) * (count - 1) / (count - 3)
    mean = float(variance.mean())
    if not mean > 0:
        raise ValueError("activations do not vary over re-renders")
    return np.asarray(np.maximum(variance, floor * mean))


def information(derivative: Array, variance: Array) -> Array:
    """F = JᵀΣ⁻¹J, the mean over cameras: what one view tells.

    For Gaussian noise of fixed, diagonal covariance Σ (Kay 1993, eq. 3.31; of networks: Berardino,
    Ballé, Laparra & Simoncelli 2017).

    Parameters
    ----------
    derivative
        J, (P, cameras, units).
    variance
        Diagonal of Σ, (cameras, units).

    Returns
    -------
    ndarray
        (P, P).
    """
    scaled = (derivative / np.sqrt(variance)).reshape(len(derivative), -1)
    return np.asarray(scaled @ scaled.T / variance.shape[0])


@dataclass(frozen=True)
class Prediction:
    """What a Fisher information predicts.

    Parameters
    ----------
    thresholds
        F_kk^(−1/2), (P,): each parameter alone moved by this is at d′ = 1; infinite where the
        model does not see it.
    eigenvalues, eigenvectors
        Of F with each parameter in units of its own threshold, so that they hang on no choice of
        units; (P,) falling, and (P, P), one a row. Parameters that are not seen are 0 in them.
    steps
        (P, P): row k is the change of all parameters, in their own units, along eigenvector k that
        is at d′ = 1; NaN where the eigenvalue is 0.
    """

    thresholds: Array
    eigenvalues: Array
    eigenvectors: Array
    steps: Array


# An eigenvalue below this share of the largest is rounding.
LEAST_EIGENVALUE = 1e-9


def prediction(fisher: Array) -> Prediction:
    """Thresholds and eigenvectors of an information matrix (P, P)."""
    diagonal = np.diag(fisher)
    seen = diagonal > 0
    thresholds = np.full(len(fisher), np.inf)
    thresholds[seen] = diagonal[seen] ** -0.5
    units = np.where(seen, thresholds, 0.0)
    values, vectors = np.linalg.eigh(fisher * np.outer(units, units))
    values, rows = values[::-1], vectors.T[::-1]
    rows = rows * np.sign(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)])[:, None]
    kept = values > LEAST_EIGENVALUE * max(values[0], 0.0)
    lengths = np.where(kept, np.where(kept, values, 1.0) ** -0.5, np.nan)
    return Prediction(
        thresholds, np.where(kept, values, 0.0), rows, lengths[:, None] * rows * units
    )

"""Similarity of two sets of activations, for each view.

Each function compares x with y, both (V, D), and returns (V,) float64: V views, each with D
numbers. They compute in double precision and without gradients. An undefined similarity is NaN, and
fails the criterion.
"""

import torch
from scipy import stats
from torch import Tensor


def flattened(activation: Tensor) -> Tensor:
    """Return each view's activation as one row: (V, …) → (V, D)."""
    return activation.flatten(start_dim=1)


@torch.no_grad()
def pearson(x: Tensor, y: Tensor) -> Tensor:
    """Return Pearson's r, in [−1, 1]; NaN if either is constant."""
    x, y = _checked(x, y)
    r = cosine(x - x.mean(dim=1, keepdim=True), y - y.mean(dim=1, keepdim=True)).clamp(-1, 1)
    # The mean of equal numbers is not always that number: test for constancy directly.
    constant = (x.amax(dim=1) == x.amin(dim=1)) | (y.amax(dim=1) == y.amin(dim=1))
    return r.masked_fill(constant, torch.nan)


@torch.no_grad()
def spearman(x: Tensor, y: Tensor) -> Tensor:
    """Return Spearman's ρ, in [−1, 1]; equal values share a mean rank. NaN if one is constant."""
    x, y = _checked(x, y)
    return pearson(_ranks(x), _ranks(y))


@torch.no_grad()
def snr_db(signal: Tensor, other: Tensor) -> Tensor:
    """Return 20·log₁₀(‖x‖ / ‖x − y‖) in decibels: x is the signal (the target), y the other.

    The code of Feather et al. (2023) has 10·log₁₀ of the same ratio, which is half of this. ∞ if
    the two are equal, −∞ if the signal alone is zero, NaN if both are.
    """
    signal, other = _checked(signal, other)
    ratio = signal.norm(dim=1) / (signal - other).norm(dim=1)
    return 20 * torch.log10(ratio)


@torch.no_grad()
def cosine(x: Tensor, y: Tensor) -> Tensor:
    """Return the cosine of the angle between x and y, in [−1, 1]; NaN if either is zero.

    It can be .99 for unrelated images, so the criterion uses `pearson`.
    """
    x, y = _checked(x, y)
    return (x * y).sum(dim=1) / (x.norm(dim=1) * y.norm(dim=1))


def _ranks(x: Tensor) -> Tensor:
    return torch.from_numpy(stats.rankdata(x.cpu().numpy(), axis=1)).to(x.device)


def _checked(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return both in double precision; raise ValueError unless they have the same shape (V, D)."""
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"two tensors (V, D) are compared, not {x.shape} with {y.shape}")
    return x.double(), y.double()

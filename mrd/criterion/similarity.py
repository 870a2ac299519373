"""How alike two sets of activations are, view by view.

Each function compares x with y, both (V, D), and gives (V,) float64: V views, each with D numbers.
They are computed in double precision and carry no gradients. Where a measure is undefined it is
NaN, which passes no criterion.
"""

import torch
from scipy import stats
from torch import Tensor


def flattened(activation: Tensor) -> Tensor:
    """Make one row of numbers of each view's activation: (V, …) → (V, D)."""
    return activation.flatten(start_dim=1)


@torch.no_grad()
def pearson(x: Tensor, y: Tensor) -> Tensor:
    """Correlate x with y: Pearson's r, in [−1, 1].

    Parameters
    ----------
    x, y
        (V, D).

    Returns
    -------
    Tensor
        (V,) float64; NaN where either is constant.
    """
    x, y = _checked(x, y)
    r = cosine(x - x.mean(dim=1, keepdim=True), y - y.mean(dim=1, keepdim=True)).clamp(-1, 1)
    # The mean of equal numbers is not always that number: ask for constancy itself.
    constant = (x.amax(dim=1) == x.amin(dim=1)) | (y.amax(dim=1) == y.amin(dim=1))
    return r.masked_fill(constant, torch.nan)


@torch.no_grad()
def spearman(x: Tensor, y: Tensor) -> Tensor:
    """Correlate the ranks of x with those of y: Spearman's ρ, in [−1, 1].

    Ties share the mean of their ranks.

    Parameters
    ----------
    x, y
        (V, D).

    Returns
    -------
    Tensor
        (V,) float64; NaN where either is constant.
    """
    x, y = _checked(x, y)
    return pearson(_ranks(x), _ranks(y))


@torch.no_grad()
def snr_db(signal: Tensor, other: Tensor) -> Tensor:
    """Compare a signal with its difference from another: 20·log₁₀(‖x‖ / ‖x − y‖), in decibels.

    The ratio is one of amplitudes; 10·log₁₀ of the same norms, as in the code of Feather et al.
    (2023), is half of it. `signal` is the target: the measure is not symmetric.

    Parameters
    ----------
    signal, other
        (V, D).

    Returns
    -------
    Tensor
        (V,) float64; ∞ where the two are equal, −∞ where the signal alone is zero, NaN where
        both are.
    """
    signal, other = _checked(signal, other)
    ratio = signal.norm(dim=1) / (signal - other).norm(dim=1)
    return 20 * torch.log10(ratio)


@torch.no_grad()
def cosine(x: Tensor, y: Tensor) -> Tensor:
    """Measure the angle between x and y: its cosine, in [−1, 1].

    It saturates: unrelated images can score .99 (the criterion uses `pearson`).

    Parameters
    ----------
    x, y
        (V, D).

    Returns
    -------
    Tensor
        (V,) float64; NaN where either is zero.
    """
    x, y = _checked(x, y)
    return (x * y).sum(dim=1) / (x.norm(dim=1) * y.norm(dim=1))


def _ranks(x: Tensor) -> Tensor:
    return torch.from_numpy(stats.rankdata(x.cpu().numpy(), axis=1)).to(x.device)


def _checked(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Refuse shapes that do not belong together, which would broadcast without a word."""
    if x.ndim != 2 or x.shape != y.shape:
        raise ValueError(f"two tensors (V, D) are compared, not {x.shape} with {y.shape}")
    return x.double(), y.double()

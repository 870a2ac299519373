"""The sRGB curve (IEC 61966-2-1) in torch: the twin of ``scenes.film``, with its constants."""

import torch
from torch import Tensor

from scenes.film import ENCODED_LIMIT, GAMMA, LINEAR_LIMIT, OFFSET, SLOPE

# The powers are kept away from 0, where their slopes would make gradients infinite or NaN.


def encoded(linear: Tensor) -> Tensor:
    """Display values of linear ones.

    Parameters
    ----------
    linear
        Any shape, in [0, 1].

    Returns
    -------
    Tensor
        Of the same shape, in [0, 1].
    """
    curved = (1 + OFFSET) * linear.clamp(min=LINEAR_LIMIT) ** (1 / GAMMA) - OFFSET
    return torch.where(linear <= LINEAR_LIMIT, SLOPE * linear, curved)


def decoded(display: Tensor) -> Tensor:
    """Linear values of display ones, the inverse of `encoded`.

    Parameters
    ----------
    display
        Any shape, in [0, 1].

    Returns
    -------
    Tensor
        Of the same shape, in [0, 1].
    """
    curved = ((display.clamp(min=ENCODED_LIMIT) + OFFSET) / (1 + OFFSET)) ** GAMMA
    return torch.where(display <= ENCODED_LIMIT, display / SLOPE, curved)

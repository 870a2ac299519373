"""The sRGB curve (IEC 61966-2-1) in torch, with the constants of ``scenes.film``."""

import torch
from torch import Tensor

from scenes.film import ENCODED_LIMIT, GAMMA, LINEAR_LIMIT, OFFSET, SLOPE

# The powers are kept away from 0, where their gradients are infinite.


def encoded(linear: Tensor) -> Tensor:
    """Return the display-encoded values of linear values, both in [0, 1]."""
    curved = (1 + OFFSET) * linear.clamp(min=LINEAR_LIMIT) ** (1 / GAMMA) - OFFSET
    return torch.where(linear <= LINEAR_LIMIT, SLOPE * linear, curved)


def decoded(display: Tensor) -> Tensor:
    """Return the linear values of display-encoded values, both in [0, 1]."""
    curved = ((display.clamp(min=ENCODED_LIMIT) + OFFSET) / (1 + OFFSET)) ** GAMMA
    return torch.where(display <= ENCODED_LIMIT, display / SLOPE, curved)

"""The sRGB curve (IEC 61966-2-1) in torch, with the constants of ``scenes.film``."""

import torch
from torch import Tensor

from scenes.film import ENCODED_LIMIT, GAMMA, LINEAR_LIMIT, OFFSET, SLOPE

# The powers are kept away from 0, where their gradients are infinite.


def encoded(linear: Tensor) -> Tensor:
    """Return display-encoded values in [0, 1] of linear ones."""
    curved = (1 + OFFSET) * linear.clamp(min=LINEAR_LIMIT) ** (1 / GAMMA) - OFFSET
    return torch.where(linear <= LINEAR_LIMIT, SLOPE * linear, curved)


def decoded(display: Tensor) -> Tensor:
    """Return linear values in [0, 1] of display-encoded ones."""
    curved = ((display.clamp(min=ENCODED_LIMIT) + OFFSET) / (1 + OFFSET)) ** GAMMA
    return torch.where(display <= ENCODED_LIMIT, display / SLOPE, curved)

"""The front end: what happens to an image before a network sees it.

A Gaussian blur stands for the optics of the eye and of a display. It also keeps Monte Carlo noise
out of the network, which is otherwise moved by it as much as by the scene.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mrd.config import FrontEnd


def gaussian(sigma: float) -> Tensor:
    """Sample a Gaussian at whole pixels and scale it to a sum of one.

    Parameters
    ----------
    sigma
        Standard deviation in pixels, above 0.

    Returns
    -------
    Tensor
        (2r + 1,) float64 with r = ⌊4σ + 0.5⌋, where the tails hold less than 1e-4
        (`scipy.ndimage.gaussian_filter` cuts there too).
    """
    radius = int(4 * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()


def blur_matrix(size: int, sigma: float) -> Tensor:
    """Write the blur of a line of pixels as a matrix.

    Beyond its ends the line is mirrored about the pixels' outer edges (d c b a | a b c d | d c b
    a). Rows and columns then sum to one, so the blur keeps both a constant image and the mean of
    any image; and a line may be shorter than the Gaussian is wide.

    On images of the size used here, two dense products are many times faster than two
    convolutions with one channel.

    Parameters
    ----------
    size
        Length n of the line in pixels.
    sigma
        Standard deviation in pixels; 0 gives the identity.

    Returns
    -------
    Tensor
        (n, n) float32, symmetric.
    """
    if sigma == 0:
        return torch.eye(size)
    weights = gaussian(sigma)
    radius = len(weights) // 2
    sources = torch.arange(size)[:, None] + torch.arange(-radius, radius + 1)
    sources = sources % (2 * size)
    sources = torch.where(sources < size, sources, 2 * size - 1 - sources)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    return matrix.scatter_add_(1, sources, weights.repeat(size, 1)).float()


class Optics(nn.Module):
    """Gaussian blur of display-encoded images, at their own resolution.

    Parameters
    ----------
    config
        σ in pixels; 0 leaves images as they are.
    """

    def __init__(self, config: FrontEnd) -> None:
        super().__init__()
        self.blur = config.blur
        self._matrices: dict[tuple[int, torch.device], Tensor] = {}

    @property
    def suffix(self) -> str:
        """What the front end adds to a model's name: ``+blur1``, or nothing."""
        return f"+blur{self.blur:g}" if self.blur > 0 else ""

    def record(self) -> dict[str, Any]:
        """Say what it does, for the run's record."""
        return {"blur": self.blur}

    def forward(self, images: Tensor) -> Tensor:
        """Blur images (V, 3, H, W); the result has the same shape."""
        if self.blur == 0:
            return images
        height, width = images.shape[-2:]
        down, across = self._matrix(height, images.device), self._matrix(width, images.device)
        return down @ images @ across.T

    def _matrix(self, size: int, device: torch.device) -> Tensor:
        """Keep one matrix for each size of image and each device."""
        key = (size, device)
        if key not in self._matrices:
            self._matrices[key] = blur_matrix(size, self.blur).to(device)
        return self._matrices[key]

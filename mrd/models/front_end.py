"""The front end: what happens to an image before a network sees it.

A Gaussian blur stands for the optics of the eye and of a display. It also keeps Monte Carlo noise
out of the network, which is otherwise moved by it as much as by the scene.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mrd.study.model_section import FrontEnd
from scenes.film import LUMINANCE


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


class FrontEndModule(nn.Module):
    """Blur, grey and contrast of display-encoded images, at their own resolution.

    Parameters
    ----------
    config
        σ in pixels, whether in grey, and the factor of contrast.

    Notes
    -----
    Grey is luma, 0.2126 R + 0.7152 G + 0.0722 B, of the display-encoded values (the weights of
    ITU-R BT.709), in all three channels. Contrast is c: 0.5 + c (x − 0.5). All three keep display
    grey and commute, but for rounding.
    """

    luma: Tensor

    def __init__(self, config: FrontEnd) -> None:
        super().__init__()
        self._config = config
        self._matrices: dict[tuple[int, torch.device], Tensor] = {}
        self.register_buffer("luma", torch.tensor(LUMINANCE).view(1, 3, 1, 1), persistent=False)

    @property
    def suffix(self) -> str:
        """What the front end adds to a model's name: ``+blur1+grey+contrast0.5``, or nothing."""
        config = self._config
        parts = {
            f"+blur{config.blur:g}": config.blur > 0,
            "+grey": config.grey,
            f"+contrast{config.contrast:g}": config.contrast < 1,
        }
        return "".join(part for part, applies in parts.items() if applies)

    def record(self) -> dict[str, Any]:
        """Say what it does, for the run's record."""
        return self._config.model_dump(mode="json")

    def forward(self, images: Tensor) -> Tensor:
        """Give images (V, 3, H, W) as the network is to see them, of the same shape."""
        config = self._config
        if config.blur > 0:
            images = self._blurred(images)
        if config.grey:
            images = (images * self.luma).sum(dim=1, keepdim=True).expand_as(images)
        if config.contrast < 1:
            images = 0.5 + config.contrast * (images - 0.5)
        return images

    def _blurred(self, images: Tensor) -> Tensor:
        height, width = images.shape[-2:]
        down, across = self._matrix(height, images.device), self._matrix(width, images.device)
        return down @ images @ across.T

    def _matrix(self, size: int, device: torch.device) -> Tensor:
        """Keep one matrix for each size of image and each device."""
        key = (size, device)
        if key not in self._matrices:
            self._matrices[key] = blur_matrix(size, self._config.blur).to(device)
        return self._matrices[key]

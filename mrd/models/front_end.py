"""The front end: blur, grey and contrast, applied to an image before the network.

A Gaussian blur models the optics of the eye and of a display. It also removes Monte Carlo noise,
which would otherwise change activations as much as the scene does.
"""

from typing import Any

import torch
from torch import Tensor, nn

from mrd.study.model_section import FrontEnd
from scenes.film import LUMINANCE


def gaussian(sigma: float) -> Tensor:
    """Return the weights of a Gaussian blur, (2r + 1,) with r = ⌊4σ + 0.5⌋ pixels, of sum 1."""
    radius = int(4 * sigma + 0.5)
    offsets = torch.arange(-radius, radius + 1, dtype=torch.float64)
    weights = torch.exp(-0.5 * (offsets / sigma) ** 2)
    return weights / weights.sum()


def blur_matrix(size: int, sigma: float) -> Tensor:
    """Return the matrix (size, size), symmetric, that blurs a line of `size` pixels.

    The line is mirrored at its ends (d c b a | a b c d | d c b a), so rows and columns sum to one
    and the mean of the image does not change. At the image sizes used here, two dense products are
    many times faster than two one-channel convolutions.
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
    """Blur, grey and contrast for display-encoded images of any size.

    Grey is luma, 0.2126 R + 0.7152 G + 0.0722 B (ITU-R BT.709), of the display-encoded values.
    Contrast c changes a value x to 0.5 + c (x − 0.5). The three operations commute up to rounding.
    """

    luma: Tensor

    def __init__(self, config: FrontEnd) -> None:
        super().__init__()
        self._config = config
        self._matrices: dict[tuple[int, torch.device], Tensor] = {}
        self.register_buffer("luma", torch.tensor(LUMINANCE).view(1, 3, 1, 1), persistent=False)

    @property
    def suffix(self) -> str:
        """Suffix of the model's name, such as ``+blur1+grey+contrast0.5``; may be empty."""
        config = self._config
        parts = {
            f"+blur{config.blur:g}": config.blur > 0,
            "+grey": config.grey,
            f"+contrast{config.contrast:g}": config.contrast < 1,
        }
        return "".join(part for part, applies in parts.items() if applies)

    def record(self) -> dict[str, Any]:
        """Return the settings as JSON data."""
        return self._config.model_dump(mode="json")

    def forward(self, images: Tensor) -> Tensor:
        """Return the processed images, (V, 3, H, W)."""
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
        """Return the blur matrix for one size and device; it is built at the first call."""
        key = (size, device)
        if key not in self._matrices:
            self._matrices[key] = blur_matrix(size, self._config.blur).to(device)
        return self._matrices[key]

"""LPIPS (Zhang et al. 2018), a perceptual distance, as a model: its features are the layers."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import lpips
import torch
from torch import Tensor, nn

from mrd.models import from_torchvision
from mrd.models.network import Recipe
from mrd.models.prefixes import LPIPS
from mrd.models.weights import read_weights
from scenes.base.errors import unknown

# Name in LPIPS → name in torchvision, and indices of the layers of `features` that are compared.
_BACKBONES: dict[str, tuple[str, tuple[int, ...]]] = {
    "alex": ("alexnet", (1, 4, 7, 9, 11)),
    "squeeze": ("squeezenet1_1", (1, 4, 7, 9, 10, 11, 12)),
    "vgg": ("vgg16", (3, 8, 15, 22, 29)),
}


def names() -> list[str]:
    """Return the names of LPIPS's networks, without the prefix."""
    return list(_BACKBONES)


def source(name: str) -> Recipe:
    """Return the recipe of LPIPS.

    The backbone's weights come from torchvision or a file; the linear layers (version 0.1) come
    with the lpips package. The layers ``lin0``, ``lin1``, … are scaled so that the loss `l2`,
    summed over all of them, equals LPIPS.
    """
    if name not in _BACKBONES:
        raise unknown("LPIPS network", f"{LPIPS}{name}", [f"{LPIPS}{each}" for each in _BACKBONES])
    network, places = _BACKBONES[name]
    linear = Path(lpips.__file__).parent / "weights" / "v0.1" / f"{name}.pth"
    return replace(
        from_torchvision.source(network),
        name=f"{LPIPS}{name}",
        # The input of LPIPS is in [−1, 1]; its scaling layer normalises it further.
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        default=tuple(f"lin{index}" for index in range(len(places))),
        labelled=False,
        libraries=("torchvision", "lpips"),
        arranged=partial(_arranged, places=places, linear=linear),
        parts=(linear,),
    )


class Calibrated(nn.Module):
    """A feature map scaled so that its mean squared difference is LPIPS's distance.

    The C features at each pixel, as a vector, are scaled to length 1, and channel c is multiplied
    by √(C w_c). The mean over C, H and W of squared differences is then Σ_c w_c times the mean over
    H and W: equation 1 of Zhang et al. 2018.

    Parameters
    ----------
    weights
        LPIPS's weights w of the channels, (C,), not negative.
    """

    scale: Tensor

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.register_buffer("scale", (len(weights) * weights).sqrt().view(1, -1, 1, 1))

    def forward(self, features: Tensor) -> Tensor:
        """Scale features, (V, C, H, W)."""
        # Not lpips.normalize_tensor, whose gradient is NaN where all features are 0.
        lengths = torch.linalg.vector_norm(features, dim=1, keepdim=True)
        return features / (lengths + 1e-10) * self.scale


class Lpips(nn.Module):
    """Slices of a backbone, each followed by a calibrated layer; `linear` has LPIPS's weights."""

    def __init__(self, slices: Sequence[nn.Module], linear: Sequence[Tensor]) -> None:
        super().__init__()
        self.scaling_layer = lpips.ScalingLayer()
        self.slices = nn.ModuleList(slices)
        for index, weights in enumerate(linear):
            self.add_module(f"lin{index}", Calibrated(weights))

    def forward(self, images: Tensor) -> Tensor:
        """Return the output of the last calibrated layer for images (V, 3, H, W) in [−1, 1]."""
        features = self.scaling_layer(images)
        for index, part in enumerate(self.slices):
            features = part(features)
            compared: Tensor = self.get_submodule(f"lin{index}")(features)
        return compared


def _arranged(network: nn.Module, places: tuple[int, ...], linear: Path) -> nn.Module:
    features = network.get_submodule("features")
    if not isinstance(features, nn.Sequential):
        raise TypeError(f"features is a {type(features).__name__}, not a sequence of layers")
    starts = (0, *(place + 1 for place in places[:-1]))
    slices = [features[start : end + 1] for start, end in zip(starts, places, strict=True)]
    weights = read_weights(linear)
    return Lpips(
        slices, [weights[f"lin{index}.model.1.weight"].flatten() for index in range(len(places))]
    )

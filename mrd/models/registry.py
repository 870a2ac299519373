"""The networks that a study can name. Listing them loads none of them, nor PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mrd.config import ModelConfig
from scenes.errors import unknown

if TYPE_CHECKING:
    import torch

    from mrd.models.base import Model, Source

TORCHVISION = "torchvision:"
"""What stands before torchvision's own names."""

_ANY = "NETWORK"


def _efficientnet_lite0(_name: str) -> Source:
    from mrd.models import efficientnet

    return efficientnet.recipe()


def _pixels(_name: str) -> Source:
    from mrd.models import pixels

    return pixels.Source()


def _torchvision(name: str) -> Source:
    from mrd.models import from_torchvision

    return from_torchvision.recipe(name.removeprefix(TORCHVISION))


# Name → what it is, and how to load it; a name that ends in NETWORK stands for many.
_NETWORKS: dict[str, tuple[str, Callable[[str], Source]]] = {
    "efficientnet_lite0": (
        "EfficientNet-Lite0, its ImageNet weights installed with the suite",
        _efficientnet_lite0,
    ),
    "pixels": ("the image itself, after the front end", _pixels),
    f"{TORCHVISION}{_ANY}": (
        "any classification network of torchvision, as torchvision:resnet50",
        _torchvision,
    ),
}


def descriptions() -> dict[str, str]:
    """Name → what it is; ``torchvision:NETWORK`` stands for all of torchvision's names."""
    return {name: description for name, (description, _) in _NETWORKS.items()}


def create(
    config: ModelConfig, device: str | torch.device = "cpu", folder: Path | None = None
) -> Model:
    """Make the model that a study describes.

    Parameters
    ----------
    config
        Network, layers, weights and front end.
    device
        Where it runs, and where its images have to be.
    folder
        What a relative path of a weights file is relative to: the study's folder. Without it,
        the current one.

    Raises
    ------
    InputError
        Where network, layer or weights do not exist, or do not fit each other.
    """
    return _source(config.network).model(config, folder or Path()).to(device)


def layer_shapes(config: ModelConfig, resolution: int) -> dict[str, tuple[int, ...]]:
    """List the layers that a network can be read at; neither weights nor a front end are needed.

    Parameters
    ----------
    config
        Its `network` alone matters.
    resolution
        Height and width of the images, pixels.

    Returns
    -------
    dict
        Layer → shape of the activation of one image.

    Raises
    ------
    InputError
        Where the network does not exist or cannot take images of this size.
    """
    return _source(config.network).layer_shapes(resolution)


def default_layers(config: ModelConfig) -> tuple[str, ...]:
    """Name the layers that are read where a study names none."""
    return (_source(config.network).default_layer,)


def _source(name: str) -> Source:
    for known, (_, load) in _NETWORKS.items():
        many = known.endswith(_ANY) and name.startswith(known.removesuffix(_ANY))
        if name == known or many:
            return load(name)
    raise unknown("network", name, _NETWORKS)

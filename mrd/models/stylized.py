"""ResNet-50 trained on Stylized ImageNet (Geirhos et al. 2019), biased towards shape."""

from dataclasses import replace
from typing import NoReturn

from mrd.models import from_torchvision
from mrd.models.network import Recipe
from scenes.base.errors import InputError

NAME = "resnet50_stylized"
CHECKPOINT = "resnet50_train_60_epochs-c8e5653e.pth.tar"
"""Name of the authors' file, with the weights trained on Stylized ImageNet only."""


def source(name: str = NAME) -> Recipe:
    """Return the recipe: torchvision's ResNet-50, with weights from the user's file."""
    original = from_torchvision.source("resnet50")
    return replace(original, name=name, trained=_not_included)


def _not_included() -> NoReturn:
    raise InputError(
        f"weights: {NAME} comes without weights: download {CHECKPOINT} (the models of the "
        "repository rgeirhos/texture-vs-shape link to it), put it beside the study, and set "
        f"weights to {CHECKPOINT}"
    )

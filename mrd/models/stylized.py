"""ResNet-50 trained on Stylized ImageNet (Geirhos et al. 2019): sees shape more than texture."""

from dataclasses import replace
from typing import NoReturn

from mrd.models import from_torchvision
from mrd.models.network import Recipe
from scenes.base.errors import InputError

NAME = "resnet50_stylized"
CHECKPOINT = "resnet50_train_60_epochs-c8e5653e.pth.tar"
"""The authors' name of the weights that were trained on Stylized ImageNet alone."""


def recipe() -> Recipe:
    """Say how the network is built: torchvision's ResNet-50, its weights from the user's file."""
    original = from_torchvision.recipe("resnet50")
    return replace(original, name=NAME, trained=_not_here)


def _not_here() -> NoReturn:
    raise InputError(
        f"weights: {NAME} comes without weights: download {CHECKPOINT} (the models of the "
        "repository rgeirhos/texture-vs-shape link to it), put it beside the study, and set "
        f"weights to {CHECKPOINT}"
    )

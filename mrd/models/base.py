"""What a search asks of a model, whatever is inside it."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError, nearest

USUAL_SIZE = 128
"""Height and width, in pixels, of the images on which a model is tried where any size will do."""


class Model(nn.Module, ABC):
    """A frozen function from images to the activations of chosen layers.

    Images are display-encoded sRGB in [0, 1], float32 of shape (V, 3, H, W): V views, red first,
    row 0 at the top. They are seen at the size at which they were rendered; nothing is resized
    or cropped. Gradients flow to the images, never to weights.

    Attributes
    ----------
    name
        The network, its weights where they are not its own, and its front end, as in
        ``efficientnet_lite0+blur1``: models with different names see different things.
    layer_weights
        Layer → what the study has it weigh in a loss, above 0. The activations themselves are
        not scaled.
    has_labels
        Whether the model sorts images into classes.
    """

    name: str
    layer_weights: dict[str, float]
    has_labels: bool

    @property
    def layers(self) -> tuple[str, ...]:
        """Names of the layers, in the order of `layer_weights`."""
        return tuple(self.layer_weights)

    @abstractmethod
    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Give the activations of every layer, each of shape (V, …).

        Parameters
        ----------
        images
            (V, 3, H, W) float32, display-encoded, in [0, 1].

        Raises
        ------
        InputError
            Where the network cannot take images of this size.
        """

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor | None:
        """Give a number for each class, (V, classes), or None where the model has no classes.

        Parameters
        ----------
        images
            (V, 3, H, W) float32, display-encoded, in [0, 1]; gradients flow to them.

        Raises
        ------
        InputError
            Where the network cannot take images of this size, or gives no row of logits.
        """

    def activations_and_logits(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return what `activations` and `logits` return, from one pass where that is possible."""
        return self.activations(images), self.logits(images)

    @torch.no_grad()
    def labels(self, images: Tensor) -> Tensor | None:
        """Give the class with the largest logit, (V,) int64, or None where there are no classes.

        Parameters
        ----------
        images
            (V, 3, H, W) float32, display-encoded, in [0, 1].

        Raises
        ------
        InputError
            As `logits`.
        """
        logits = self.logits(images)
        return None if logits is None else logits.argmax(dim=1)

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """Say what the model is: name, network, layers, weights and their hash, versions.

        Plain data, ready for JSON; two models with equal records see the same.
        """

    def train(self, mode: bool = True) -> "Model":  # noqa: ARG002
        """Stay in evaluation mode: a model is an instrument, and dropout would make it noisy."""
        return super().train(False)


class Source(Protocol):
    """What the registry asks of whatever it can make models of."""

    def default_layers(self) -> tuple[str, ...]:
        """Name the layers that are read where a study names none; empty where it has to."""

    def class_names(self) -> tuple[str, ...]:
        """Name the classes, from class 0 on; empty where there are none, or no names of them."""

    def model(self, config: ModelConfig, folder: Path) -> Model:
        """Make the model; a relative path of a weights file starts from the folder."""

    def layer_shapes(self, resolution: int | None) -> dict[str, tuple[int, ...]]:
        """List the layers that can be read, with the shape of one image's activation.

        `resolution` is the side of the image in pixels; None is `USUAL_SIZE`, or the nearest that
        the model can take.
        """


def check_known(layers: Iterable[str], valid: Sequence[str], name: str) -> None:
    """Refuse layers that a model does not have, where it has few enough to list them all.

    Raises
    ------
    InputError
        With the nearest valid name and all of them.
    """
    for layer in layers:
        if layer not in valid:
            raise InputError(
                f"layers: {name} has no layer '{layer}'; {nearest(layer, valid)} "
                f"allowed: {', '.join(valid)}"
            )


def check_images(images: Tensor) -> None:
    """Refuse what is not a batch of images.

    Raises
    ------
    ValueError
        Where `images` is not (V, 3, H, W) float32: a mistake of the caller, not of the user.
    """
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.float32:
        raise ValueError(
            f"images must be (V, 3, H, W) float32, not {tuple(images.shape)} {images.dtype}"
        )

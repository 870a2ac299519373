"""The interface of every model."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError, nearest

USUAL_SIZE = 128
"""Height and width, in pixels, of test images for models that accept any size."""


class Model(nn.Module, ABC):
    """A function from images to the activations of chosen layers, with constant weights.

    Images are display-encoded sRGB in [0, 1], float32 of shape (V, 3, H, W): V views, red first,
    row 0 at the top. Nothing is cropped; only `dinov2_vits14` resizes. Gradients flow
    to the images, not to the weights.

    Attributes
    ----------
    name
        Name of the network, of non-default weights, and of the front end, such as
        ``efficientnet_lite0+blur1``.
    layer_weights
        Layer → its weight in the loss, above 0. The activations themselves are not scaled.
    has_labels
        Whether the model classifies images.
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
        """Return the activations of every layer, each of shape (V, …).

        Parameters
        ----------
        images
            (V, 3, H, W) float32, display-encoded, in [0, 1].

        Raises
        ------
        InputError
            The network does not accept images of this size.
        """

    @abstractmethod
    def logits(self, images: Tensor) -> Tensor | None:
        """Return one logit per class, (V, classes), or None if the model has no classes.

        Parameters
        ----------
        images
            (V, 3, H, W) float32, display-encoded, in [0, 1]; gradients flow to them.

        Raises
        ------
        InputError
            The network does not accept images of this size, or does not return one row of logits
            per image.
        """

    @property
    def class_names(self) -> tuple[str, ...]:
        """Class names in order; empty if the model has no classes, or their names are not known."""
        return ()

    def activations_and_logits(self, images: Tensor) -> tuple[dict[str, Tensor], Tensor | None]:
        """Return `activations` and `logits` of images, from one pass if possible."""
        return self.activations(images), self.logits(images)

    @torch.no_grad()
    def labels(self, images: Tensor) -> Tensor | None:
        """Return the class with the largest logit, (V,) int64, or None if there are no classes.

        Parameters
        ----------
        images
            (V, 3, H, W) float32, display-encoded, in [0, 1].

        Raises
        ------
        InputError
            As in `logits`.
        """
        logits = self.logits(images)
        return None if logits is None else logits.argmax(dim=1)

    @torch.no_grad()
    def classes(self, images: Tensor) -> tuple[Tensor, Tensor] | None:
        """Return the class with the largest logit and its probability; None without classes.

        Parameters
        ----------
        images
            (V, 3, H, W) float32, display-encoded, in [0, 1].

        Returns
        -------
        labels
            (V,) int64.
        probabilities
            (V,), in [0, 1]: the softmax of the logits.

        Raises
        ------
        InputError
            As in `logits`.
        """
        logits = self.logits(images)
        if logits is None:
            return None
        probabilities, labels = logits.softmax(dim=1).max(dim=1)
        return labels, probabilities

    @abstractmethod
    def record(self) -> dict[str, Any]:
        """Return name, network, layers, weights with their hash, and versions, as JSON data.

        Two models with equal records compute the same activations.
        """

    def train(self, mode: bool = True) -> "Model":  # noqa: ARG002
        """Ignore `mode` and stay in evaluation mode, without dropout and batch statistics."""
        return super().train(False)


class ModelSource(Protocol):
    """Builds a model; the registry returns one for each network name."""

    def default_layers(self) -> tuple[str, ...]:
        """Return the layers that are read by default; empty if the study must name them."""

    def class_names(self) -> tuple[str, ...]:
        """Return the class names in order; empty if there are none."""

    def model(self, config: ModelConfig, folder: Path) -> Model:
        """Build the model; a relative path of a weights file starts in `folder`."""

    def layer_shapes(self, resolution: int | None) -> dict[str, tuple[int, ...]]:
        """Return the shape of one image's activation for each readable layer.

        `resolution` is the side of the image in pixels; None is `USUAL_SIZE`, or the nearest
        allowed size.
        """


def check_known(layers: Iterable[str], valid: Sequence[str], name: str) -> None:
    """Raise InputError if one of the layers is not valid; the message lists the valid ones."""
    for layer in layers:
        if layer not in valid:
            raise InputError(
                f"layers: {name} has no layer '{layer}'; {nearest(layer, valid)} "
                f"allowed: {', '.join(valid)}"
            )


def check_images(images: Tensor) -> None:
    """Raise ValueError unless `images` is (V, 3, H, W) float32."""
    if images.ndim != 4 or images.shape[1] != 3 or images.dtype != torch.float32:
        raise ValueError(
            f"images must be (V, 3, H, W) float32, not {tuple(images.shape)} {images.dtype}"
        )

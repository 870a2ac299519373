"""The image itself as a model, a baseline for every network. The usual loss for it is `l1`."""

from pathlib import Path
from typing import Any

from torch import Tensor

from mrd.models.base import USUAL_SIZE, Model, check_images, check_known
from mrd.models.front_end import FrontEndModule
from mrd.study.model_section import ModelConfig
from scenes.base.errors import InputError

LAYER = "pixels"
"""The only layer."""


def source(_name: str) -> "PixelsSource":
    """Return the source of the model."""
    return PixelsSource()


class PixelsSource:
    """Builds the model for the registry."""

    def default_layers(self) -> tuple[str, ...]:
        """Return the only layer."""
        return (LAYER,)

    def class_names(self) -> tuple[str, ...]:
        """Return an empty tuple: pixels have no classes."""
        return ()

    def model(self, config: ModelConfig, folder: Path) -> Model:  # noqa: ARG002
        """Build the model."""
        return Pixels(config)

    def layer_shapes(self, resolution: int | None) -> dict[str, tuple[int, ...]]:
        """Return the shape of the only layer."""
        resolution = resolution or USUAL_SIZE
        return {LAYER: (3, resolution, resolution)}


class Pixels(Model):
    """A model whose only layer, `pixels`, is the image after the front end, (V, 3, H, W)."""

    has_labels = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.layer_weights = config.layer_weights or {LAYER: 1.0}
        check_known(self.layer_weights, (LAYER,), "pixels")
        if config.weights != "default":
            raise InputError(
                f"weights: '{config.weights}' is not allowed for pixels, which has no weights; "
                "leave the key out"
            )
        self.front_end = FrontEndModule(config.front_end)
        self.name = f"pixels{self.front_end.suffix}"
        self.eval()

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Return the images after the front end, (V, 3, H, W)."""
        check_images(images)
        return {LAYER: self.front_end(images)}

    def logits(self, images: Tensor) -> None:  # noqa: ARG002
        """Return None: pixels have no classes."""
        return

    def record(self) -> dict[str, Any]:
        """Return the record of the model."""
        return {
            "name": self.name,
            "network": "pixels",
            "layers": list(self.layers),
            "weights": None,
            "front_end": self.front_end.record(),
            "libraries": {},
        }

"""The image itself as a model: the yardstick that every network has to beat."""

from pathlib import Path
from typing import Any

from torch import Tensor

from mrd.config import ModelConfig
from mrd.models.base import Model, check_images
from mrd.models.front_end import Optics
from scenes.errors import InputError, nearest

LAYER = "pixels"
"""The only layer."""


class Source:
    """Makes the model, for the registry."""

    default_layer = LAYER

    def model(self, config: ModelConfig, folder: Path) -> Model:  # noqa: ARG002
        """Make the model; there are no weights to look for."""
        return Pixels(config)

    def layer_shapes(self, resolution: int) -> dict[str, tuple[int, ...]]:
        """Give the one layer, of the size of the image."""
        return {LAYER: (3, resolution, resolution)}


class Pixels(Model):
    """Activation = the image after the front end, (V, 3, H, W), display-encoded.

    Parameters
    ----------
    config
        The model's part of the study file; the only layer is `pixels`, and there are no weights.

    Raises
    ------
    InputError
        Where another layer, or a weights file, is asked for.
    """

    has_labels = False

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        for layer in config.layers or ():
            if layer != LAYER:
                hint = nearest(layer, [LAYER])
                raise InputError(
                    f"pixels has no layer '{layer}'{f'; {hint}' if hint else ''}: "
                    f"its only layer is '{LAYER}'"
                )
        if config.weights != "default":
            raise InputError(
                f"weights: '{config.weights}' is not allowed for pixels, which has no weights; "
                "leave the key out"
            )
        self.optics = Optics(config.front_end)
        self.name = f"pixels{self.optics.suffix}"
        self.layers = (LAYER,)

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Give the images after the front end, (V, 3, H, W)."""
        check_images(images)
        return {LAYER: self.optics(images)}

    def labels(self, images: Tensor) -> None:  # noqa: ARG002
        """Give None: pixels have no classes."""
        return

    def record(self) -> dict[str, Any]:
        """Say what the model is."""
        return {
            "name": self.name,
            "network": "pixels",
            "layers": list(self.layers),
            "weights": None,
            "front_end": self.optics.record(),
            "libraries": {},
        }

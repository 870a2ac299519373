"""A classifier whose class logits count as a further layer."""

from typing import Any

from torch import Tensor

from mrd.models.base import Model
from scenes.base.errors import InputError

LOGITS = "class logits"


class Classifier(Model):
    """A model whose activations include its logits, for searches that change or keep a class."""

    def __init__(self, model: Model) -> None:
        super().__init__()
        if not model.has_labels:
            raise InputError(
                f"{model.name} has no classes, but mode: flip changes a class; "
                "use a classifier with trained weights, or another mode"
            )
        self._model = model
        self.name, self.has_labels = model.name, True
        self.layer_weights = {**model.layer_weights, LOGITS: 1.0}

    def activations(self, images: Tensor) -> dict[str, Tensor]:
        """Return the activations of every layer, (V, …), and the logits as one more layer."""
        activations, logits = self._model.activations_and_logits(images)
        return {**activations, LOGITS: self._checked(logits)}

    def logits(self, images: Tensor) -> Tensor:
        """Return one logit per class, (V, classes)."""
        return self._checked(self._model.logits(images))

    def _checked(self, logits: Tensor | None) -> Tensor:
        if logits is None:
            raise ValueError(f"{self.name} has no classes")
        return logits

    def record(self) -> dict[str, Any]:
        """Return the record of the wrapped model."""
        return self._model.record()

"""What the search loop asks of variables, whatever their attribute."""

from __future__ import annotations

from typing import Protocol

import torch

from mrd.optimiser import Adam
from scenes.scene import Scene


class Variables(Protocol):
    """The tensors that an optimiser moves, and the way from them to a scene.

    Attributes
    ----------
    attribute
        "shape", "material" or "lighting".
    tensors
        Leaves that the optimiser moves, by name.
    optimiser
        That moves them, with its moments.
    """

    attribute: str
    tensors: dict[str, torch.Tensor]
    optimiser: Adam

    def values(self) -> dict[str, torch.Tensor]:
        """Mitsuba's parameters by name, differentiable in `tensors`."""

    def penalty(self) -> torch.Tensor:
        """Regulariser, a scalar that is added to the loss."""

    def keep_in_bounds(self) -> None:
        """Bring the tensors back into their bounds, in place."""

    def placed_in(self, scene: Scene) -> Scene:
        """The scene with this attribute as the variables have it now."""

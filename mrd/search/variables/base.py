"""What the search loop asks of variables, whatever their attribute."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Protocol

import torch

from mrd.search.optimiser import Adam
from scenes.scene import Scene

Values = Mapping[str, torch.Tensor]

NOTHING: Values = MappingProxyType({})


class Variables(Protocol):
    """The tensors that an optimiser moves, and the way from them to a scene.

    Attributes
    ----------
    attribute
        "shape", "material", "lighting" or "pose".
    tensors
        Leaves that the optimiser moves, by name.
    optimiser
        That moves them, with its moments.
    """

    attribute: str
    tensors: dict[str, torch.Tensor]
    optimiser: Adam

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Mitsuba's parameters by name, differentiable in `tensors`, added to those of ``given``.

        A pose moves the vertices that it is given, or else those of the start.
        """

    def penalty(self) -> torch.Tensor:
        """Regulariser, a scalar that is added to the loss."""

    def keep_in_bounds(self) -> None:
        """Bring the tensors back into their bounds, in place."""

    def placed_in(self, scene: Scene) -> Scene:
        """The scene with this attribute as the variables have it now."""


def values_of(variables: Sequence[Variables]) -> dict[str, torch.Tensor]:
    """Mitsuba's parameters as all variables together have them: a shape is formed, then posed."""
    values: dict[str, torch.Tensor] = {}
    for each in sorted(variables, key=lambda each: each.attribute == "pose"):
        values = each.values(values)
    return values

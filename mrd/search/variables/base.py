"""The interface of the variables of an attribute."""

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
    """Tensors that an optimiser moves, and their effect on a scene."""

    attribute: str  # "shape", "material", "lighting" or "pose"
    tensors: dict[str, torch.Tensor]  # leaves, by name
    optimiser: Adam

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return `given` with this attribute's Mitsuba parameters, differentiable in `tensors`.

        A pose moves the vertices in `given`, or else those of the start.
        """

    def penalty(self) -> torch.Tensor:
        """Return the regulariser, a scalar that is added to the loss."""

    def keep_in_bounds(self) -> None:
        """Clip the tensors to their bounds, in place."""

    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene with the current value of this attribute."""


def mitsuba_values(variables: Sequence[Variables]) -> dict[str, torch.Tensor]:
    """Return the Mitsuba parameters of all variables together; a shape comes before its pose."""
    values: dict[str, torch.Tensor] = {}
    for each in sorted(variables, key=lambda each: each.attribute == "pose"):
        values = each.values(values)
    return values

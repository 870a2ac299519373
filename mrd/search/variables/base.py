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
    """Tensors that an optimiser changes, and their effect on a scene."""

    attribute: str  # "shape", "material", "lighting" or "pose"
    tensors: dict[str, torch.Tensor]  # by name; all are leaves of the gradient graph
    optimiser: Adam
    differenced: frozenset[str]  # tensors whose derivatives are finite differences of renders

    def values(self, given: Values = NOTHING) -> dict[str, torch.Tensor]:
        """Return `given` and the Mitsuba parameters of this attribute, differentiable by `tensors`.

        `given` are parameters of other attributes. A pose moves the vertices in `given` or, if
        there are none, those of the start. A parameter that depends only on `differenced` tensors
        does not require a gradient.
        """

    def penalty(self) -> torch.Tensor:
        """Return the value of the regularisers, a scalar that is added to the loss."""

    def keep_in_bounds(self) -> None:
        """Clip the tensors to their bounds, in place."""

    def apply_to(self, scene: Scene) -> Scene:
        """Return the scene with this attribute set to its current value."""


def mitsuba_values(variables: Sequence[Variables]) -> dict[str, torch.Tensor]:
    """Return the Mitsuba parameters of all variables; a pose comes last, as it moves the shape."""
    values: dict[str, torch.Tensor] = {}
    for each in sorted(variables, key=lambda each: each.attribute == "pose"):
        values = each.values(values)
    return values

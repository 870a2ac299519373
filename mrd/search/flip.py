"""An adversarial scene: the smallest physical change that changes a class (`mode: flip`).

minimise D(x) subject to lead_c(x) ≥ 0 at every training camera c (`mrd.search.constrained`). The
lead is the logit of the wanted class less the largest other; where any other class will do, the
largest logit of those that no image of the target gets less the largest of those that some do
(Carlini & Wagner 2017). It is counted in what the target lacks at that camera, so that networks
with large and small logits are searched alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from mrd.models.classifier import LOGITS
from mrd.search.constrained import ConstrainedSearch
from scenes.base.errors import InputError
from scenes.scene import Scene

MARGIN = 0.05  # of what the target lacks, so that a judgement's own noise does not turn it back
LEAST_LACK = 1.0  # logits: what a target that is almost another class is counted to lack
GAIN = 1.01  # what counts as nearer


class Flip(ConstrainedSearch):
    """A search for another class near its target, which is its start.

    Parameters
    ----------
    own
        Classes that images of the target get at each training camera.
    label
        The class that is wanted; None where any other will do.

    Raises
    ------
    InputError
        Images of the target get the wanted class already.
    """

    WAY, PACE, SLACK, WITHOUT_GAIN = -1, 1.0, MARGIN, "no nearer"
    PLACE_COUNTS = True

    def __init__(
        self,
        start: Scene,
        *args: Any,
        own: Sequence[Sequence[int]],
        label: int | None,
        **named: Any,
    ) -> None:
        super().__init__(start, *args, **named)
        for view, classes in zip(self._views, own, strict=True):
            if label in classes:
                raise InputError(
                    f"label = {label}: images of the target get that class at camera {view.name} "
                    "already; choose another"
                )
        self._own, self._label = own, label
        self._lack = (-lead(self._targets[LOGITS], own, label)).clamp(min=LEAST_LACK)
        self._move_off()

    def _condition(
        self,
        activations: Mapping[str, torch.Tensor],
        wanted: Mapping[str, torch.Tensor],  # noqa: ARG002
        chosen: Sequence[int],
    ) -> torch.Tensor:
        """What is missing from a lead, and its margin, (V,), in what the target lacks."""
        own = [self._own[camera] for camera in chosen]
        return MARGIN - lead(activations[LOGITS], own, self._label) / self._lack[list(chosen)]

    def _is_gain(self, distance: float, before: float) -> bool:
        return GAIN * distance < before

    def _hand_on(
        self,
        values: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor],
        penalty: torch.Tensor,
    ) -> None:
        super()._hand_on(values, gradients, penalty)
        self._keep_the_place()

    def _move_off(self) -> None:
        super()._move_off()
        self._keep_the_place()

    @torch.no_grad()
    def _keep_the_place(self) -> None:
        """Leave a turned object where it stands: a shift is no turn, and would cost nothing."""
        for v in self.variables:
            place = v.tensors.get("translation")
            if place is not None:
                place.zero_()
                place.grad = None


def lead(logits: torch.Tensor, own: Sequence[Sequence[int]], label: int | None) -> torch.Tensor:
    """By how much the best class that is wanted leads the best that is not, (V,).

    Parameters
    ----------
    logits
        (V, classes).
    own
        Classes that images of the target get, for each view.
    label
        The class that is wanted; None where any but the target's own will do.

    Returns
    -------
    Tensor
        In logits; above 0 where the class is flipped.
    """
    wanted = torch.zeros_like(logits, dtype=torch.bool)
    if label is None:
        for row, classes in zip(wanted, own, strict=True):
            row[:] = True
            row[list(classes)] = False
    else:
        wanted[:, label] = True
    low = torch.finfo(logits.dtype).min
    best = logits.masked_fill(~wanted, low).amax(dim=1)
    return best - logits.masked_fill(wanted, low).amax(dim=1)

"""The widest metamer: as far from the target as a model's match allows (`mode: diverge`).

maximise D(x) subject to match_c(x) ≥ floor + MARGIN at every training camera c
(`mrd.search.constrained`).

A step of Adam is as long far outside as inside, where the way back may have no slope: a search that
has lost the match by more than `LOST` returns to the farthest where it had it, and goes on at half
the pace.
The renders of a step are noisier than those that are judged: noise lowers a correlation in
proportion, so what a step finds is divided by the same loss of the target's own re-renders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.criterion import LEAST_ROOM
from mrd.rendering.stage import display
from mrd.search.constrained import ConstrainedSearch
from scenes.base.errors import InputError
from scenes.camera import Camera
from scenes.scene import Scene

MARGIN = 0.02  # above the floor, so that a judgement's own noise does not fail what is wide
LOST = 0.2  # a violation from which no way back is sought
PACE, LEAST_PACE = 0.2, 0.2 / 2**6  # of the learning rates at the start, and at least
CALIBRATION = 8  # re-renders of the target that tell what a step's noise costs
GAIN = 1.01  # what counts as farther


class Divergence(ConstrainedSearch):
    """A search away from its target, which is its start; the parameters are those of `Search`.

    Parameters
    ----------
    null, ceiling
        Mean Pearson r with the target, of random scenes and of its own re-renders, as they are
        judged, (C,): a number a training camera.

    Raises
    ------
    InputError
        At a camera they lie so near to one another that no match is defined.
    """

    WAY, PACE, SLACK, WITHOUT_GAIN = 1, PACE, MARGIN, "no farther"

    def __init__(
        self,
        start: Scene,
        *args: Any,
        null: NDArray[np.float64],
        ceiling: NDArray[np.float64],
        **named: Any,
    ) -> None:
        super().__init__(start, *args, **named)
        _check_room(self._views, null, ceiling)
        self._null, self._ceiling = (
            torch.as_tensor(each, dtype=torch.float32, device=self._device)
            for each in (null, ceiling)
        )
        self._noisy_ceiling = self._calibrated()
        self._move_off()

    def _condition(
        self,
        activations: Mapping[str, torch.Tensor],
        wanted: Mapping[str, torch.Tensor],
        chosen: Sequence[int],
    ) -> torch.Tensor:
        """Match (V,) that is missing from the floor and its margin."""
        here = list(chosen)
        null, ceiling = self._null[here], self._ceiling[here]
        lost = self._noisy_ceiling[here] / ceiling
        r = correlation(activations, wanted, self._judged) / lost
        return self.config.criterion.floor + MARGIN - (r - null) / (ceiling - null)

    @torch.no_grad()
    def _calibrated(self) -> torch.Tensor:
        """Mean r (C,) of what is searched for with the target's re-renders at a step's samples."""
        rows = []
        for seeds in self._rng.integers(2**31, size=(CALIBRATION, len(self._views))):
            linear = self._stage.radiance(self._views, self.config.samples.primal, seeds)
            again = self._model.activations(display(linear, self.start.film))
            rows.append(correlation(again, self._targets, self._judged))
        return torch.stack(rows).mean(dim=0)

    def _end_round(self, failing: NDArray[np.float64]) -> None:
        if failing.max() > LOST:
            self._go_back()
        else:
            super()._end_round(failing)

    def _is_gain(self, distance: float, before: float) -> bool:
        return distance > GAIN * before

    def _go_back(self) -> None:
        """Return to the farthest that was alike enough, or to the target, at half the pace."""
        kept, gained = self._candidates.get(self._restart), self._gained
        multipliers, penalty = self._multipliers, self._penalty
        self._begin(max(self._pace / 2, LEAST_PACE))
        self._gained = gained  # to return is no gain
        if kept:
            self._place(kept.place)
            self._multipliers, self._penalty = multipliers, penalty


def _check_room(
    views: Sequence[Camera], null: NDArray[np.float64], ceiling: NDArray[np.float64]
) -> None:
    for view, low, high in zip(views, null, ceiling, strict=True):
        if high - low < LEAST_ROOM:
            raise InputError(
                f"mode diverge: at camera {view.name}, random scenes agree with the target by "
                f"r = {low:.3f}, its own re-renders by {high:.3f}: there is no room for a match; "
                "judge other layers, or raise samples.score"
            )


def correlation(
    one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor], layers: Sequence[str]
) -> torch.Tensor:
    """Pearson r (V,) of activations, mean over layers; `mrd.criterion.similarity`, differentiable.

    Parameters
    ----------
    one, other
        Layer → activations (V, …).
    layers
        That count.
    """
    found = []
    for layer in layers:
        x, y = (each[layer].flatten(1) for each in (one, other))
        x, y = (each - each.mean(dim=1, keepdim=True) for each in (x, y))
        found.append(torch.nn.functional.cosine_similarity(x, y, dim=1))
    return torch.stack(found).mean(dim=0)

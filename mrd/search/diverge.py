"""`mode: diverge`: the widest metamer, as far from the target as a model's match allows.

maximise D(x) subject to match_c(x) ≥ floor + MARGIN at every training camera c
(`mrd.search.constrained`).

A step of Adam is as long where the match is lost as where it holds, and far outside the gradient
may vanish: a search whose match has failed by more than `LOST` returns to the farthest place where
it held, and continues at half the pace. The renders of a step are noisier than those that are
scored. Noise lowers a correlation in proportion, so a step's correlation is divided by the same
loss, measured on re-renders of the target.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.criterion import LEAST_ROOM
from mrd.criterion.verdict import Scorer
from mrd.rendering.stage import display
from mrd.search.constrained import Constrained, start_number
from mrd.search.control_reach import control_reach
from mrd.search.distance_from_target import UNIT
from mrd.search.diverge_result import widest_metamer
from mrd.search.loop import Activations, Search, StepActivations
from scenes.base.errors import InputError
from scenes.scene import Scene

MARGIN = 0.02  # above the floor, so that the noise of a score does not fail the widest
LOST = 0.2  # a violation that is too large to recover from
PACE, LEAST_PACE = 0.2, 0.2 / 2**6  # factors on the learning rates at the start, and at least
CALIBRATION = 8  # re-renders of the target that measure the effect of a step's noise
GAIN = 1.01  # least ratio of distances that counts as farther

# Noise indices of three independent sets of renders. The final score of a result has index 0.
CHOOSING, CONFIRMING = 1, 2


class Diverge(Constrained):
    """Maximise the distance from the target.

    `null` and `ceiling` (C,) are the mean Pearson's r with the target of random scenes and of its
    re-renders at each training camera, at scoring quality.
    """

    sign, first_pace, slack, no_gain = 1, PACE, MARGIN, "no farther"

    def __init__(self, null: NDArray[np.float64], ceiling: NDArray[np.float64]) -> None:
        self._null, self._ceiling = (
            torch.as_tensor(each, dtype=torch.float32) for each in (null, ceiling)
        )

    def prepare(self, search: Search) -> None:
        """Measure the effect of a step's noise; refuse cameras at which no match is defined."""
        for view, null, ceiling in zip(
            search.views, self._null.tolist(), self._ceiling.tolist(), strict=True
        ):
            if ceiling - null < LEAST_ROOM:
                raise InputError(
                    f"mode diverge: at camera {view.name}, random scenes agree with the target by "
                    f"r = {null:.3f}, its own re-renders by {ceiling:.3f}: there is no room for a "
                    "match; use other layers, or raise samples.score"
                )
        device = search.bench.device
        self._null, self._ceiling = self._null.to(device), self._ceiling.to(device)
        self._layers, self._floor = search.scored, search.config.criterion.floor
        self._noisy_ceiling = self._measured_ceiling(search)

    @torch.no_grad()
    def _measured_ceiling(self, search: Search) -> torch.Tensor:
        """Return the mean r (C,) of the target with its re-renders at the samples of a step."""
        rows = []
        for seeds in search.rng.integers(2**31, size=(CALIBRATION, len(search.views))):
            linear = search.moving.stage.radiance(search.views, search.config.samples.primal, seeds)
            again = search.bench.model.activations(display(linear, search.start.film))
            rows.append(correlation(again, search.targets, self._layers))
        return torch.stack(rows).mean(dim=0)

    def condition(self, step: StepActivations) -> torch.Tensor:
        """Return by how much each match (V,) is below the floor plus its margin."""
        null, ceiling = self._null[step.views], self._ceiling[step.views]
        lost = self._noisy_ceiling[step.views] / ceiling
        r = correlation(step.rendered, step.target, self._layers) / lost
        return self._floor + MARGIN - (r - null) / (ceiling - null)

    def is_gain(self, distance: float, before: float) -> bool:
        """Return whether a distance is larger."""
        return distance > GAIN * before

    def end_round(self, search: Search, violation: NDArray[np.float64]) -> None:
        """Return to the farthest kept place, or the target, if the match is lost."""
        if violation.max() > LOST:
            self._go_back(search)
        else:
            super().end_round(search, violation)

    def _go_back(self, search: Search) -> None:
        place, last_gain = self.places.get(start_number(search)), self._last_gain
        multipliers, penalty = self._multipliers, self._penalty
        self.return_to_target(search, max(self.pace / 2, LEAST_PACE))
        self._last_gain = last_gain
        if place:
            search.moving.place(place.snapshot)
            self._multipliers, self._penalty = multipliers, penalty

    def result(self, search: Search, scorer: Scorer) -> tuple[Scene, dict[str, Any]]:
        """Return the widest metamer, and its reach with that of a random change."""

        def score(noise: int, scene: Scene) -> dict[str, Any]:
            return scorer.score(scene, scorer.images(scene, noise))

        choose, confirm = partial(score, CHOOSING), partial(score, CONFIRMING)
        result, reach = widest_metamer(self, search, choose, confirm)
        run = scorer.run
        reach["control"] = control_reach(
            scorer.target,
            run.search,
            reach["distance"] or UNIT[run.search.attributes[0]],
            choose,
            confirm,
            run.generator("series/control"),
            int(run.generator("series/sampling").integers(2**31)),
        )
        return result, {"reach": reach}


def correlation(one: Activations, other: Activations, layers: Sequence[str]) -> torch.Tensor:
    """Return Pearson's r (V,) of activations (V, …), mean over layers; differentiable."""
    found = []
    for layer in layers:
        x, y = (each[layer].flatten(1) for each in (one, other))
        x, y = (each - each.mean(dim=1, keepdim=True) for each in (x, y))
        found.append(torch.nn.functional.cosine_similarity(x, y, dim=1))
    return torch.stack(found).mean(dim=0)

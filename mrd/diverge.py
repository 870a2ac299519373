"""The widest metamer: as far from the target as a model's match allows (`mode: diverge`).

maximise D(x) subject to match_c(x) ≥ floor at every training camera c, by an augmented Lagrangian
(Hestenes 1969, Powell 1969, Rockafellar 1973): a step lowers

    −D(x)/unit + Σ_c [max(0, λ_c + ρ g_c)² − λ_c²] / 2ρ,   g_c = floor + MARGIN − match_c,

over the cameras of its views, and after each round, in which every camera is seen `ROUNDS` times,
λ_c ← max(0, λ_c + ρ ḡ_c), ḡ_c the round's mean; ρ is doubled where the largest ḡ_c has not halved.
A step of Adam is as long far outside as inside, where the way back may have no slope: a search that
has lost the match by more than `LOST` returns to the farthest where it had it, and goes on at half
the pace.
The renders of a step are noisier than those that are judged: noise lowers a correlation in
proportion, so what a step finds is divided by the same loss of the target's own re-renders. At the
target itself a distance has no gradient: every start is a
small seeded step away from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion import LEAST_ROOM
from mrd.render import display
from mrd.search import Arrays, Search, under
from mrd.state import State
from mrd.widening import UNIT, Distance, distance_of
from scenes.camera import Camera
from scenes.errors import InputError
from scenes.scene import Scene

ROUNDS = 2
MARGIN = 0.02  # above the floor, so that a judgement's own noise does not fail what is wide
PENALTY, MOST_PENALTY = 10.0, 1e4  # ρ at the start, and at most
SETTLED = 0.02  # a violation below which ρ stays
LOST = 0.2  # a violation from which no way back is sought
PACE, LEAST_PACE = 0.2, 0.2 / 2**6  # of the learning rates at the start, and at least
CALIBRATION = 8  # re-renders of the target that tell what a step's noise costs
FIRST_STEP = 0.5  # length of the step off the target, in steps at the pace of the start
GAIN = 1.01  # what counts as farther


@dataclass(frozen=True)
class Candidate:
    """Where a search stood when the match of a round was enough.

    Attributes
    ----------
    distance
        From the target, as `mrd.widening` measures it.
    place
        Of the variables.
    """

    distance: float
    place: Arrays


class Divergence(Search):
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
        self._keeps_best = True
        self._null, self._ceiling = (
            torch.as_tensor(each, dtype=torch.float32, device=self._device)
            for each in (null, ceiling)
        )
        self._noisy_ceiling = self._calibrated()
        self._candidates: dict[int, Candidate] = {}  # of each start, by its number
        self._target_place = self._snapshot()
        self._multipliers = torch.zeros(len(self._views))
        self._penalty, self._worst = PENALTY, float("inf")
        self._lacking: list[list[float]] = [[] for _ in self._views]
        self._pace = PACE
        self._gained = 0
        self._distance: Distance = distance_of(self.start, self.variables[0])
        self._move_off()

    # ---- The objective --------------------------------------------------------------------------

    def _objective(
        self,
        activations: Mapping[str, torch.Tensor],
        wanted: Mapping[str, torch.Tensor],
        second: Mapping[str, torch.Tensor] | None,  # noqa: ARG002
        chosen: Sequence[int],
    ) -> torch.Tensor:
        lacking = self._floor - self._matches(activations, wanted, chosen)
        for camera, each in zip(chosen, lacking.detach().tolist(), strict=True):
            self._lacking[camera].append(each)
        multipliers = self._multipliers[list(chosen)].to(lacking)
        pressed = (multipliers + self._penalty * lacking).clamp(min=0)
        return ((pressed**2 - multipliers**2) / (2 * self._penalty)).sum()

    def _hand_on(
        self,
        values: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor],
        penalty: torch.Tensor,
    ) -> None:
        """Take the model's gradients on to the tensors, with the distance's own."""
        away = self._distance() / UNIT[self.config.attributes[0]]
        super()._hand_on(values, gradients, penalty - away)

    @property
    def _floor(self) -> float:
        return self.config.criterion.floor + MARGIN

    def _matches(
        self,
        activations: Mapping[str, torch.Tensor],
        wanted: Mapping[str, torch.Tensor],
        chosen: Sequence[int],
    ) -> torch.Tensor:
        """Match (V,) of a step's views, differentiable."""
        here = list(chosen)
        null, ceiling = self._null[here], self._ceiling[here]
        lost = self._noisy_ceiling[here] / ceiling
        r = correlation(activations, wanted, self._judged) / lost
        return (r - null) / (ceiling - null)

    @torch.no_grad()
    def _calibrated(self) -> torch.Tensor:
        """Mean r (C,) of what is searched for with the target's re-renders at a step's samples."""
        rows = []
        for seeds in self._rng.integers(2**31, size=(CALIBRATION, len(self._views))):
            linear = self._stage.radiance(self._views, self.config.samples.primal, seeds)
            again = self._model.activations(display(linear, self.start.film))
            rows.append(correlation(again, self._targets, self._judged))
        return torch.stack(rows).mean(dim=0)

    # ---- Rounds ---------------------------------------------------------------------------------

    def _rate(self, attribute: str) -> float:
        """Learning rate of the next step."""
        return self._pace * super()._rate(attribute)

    def _look_at(self, loss: float, done: int) -> None:  # noqa: ARG002
        """At the end of a round, see to the match; at the end of a start, begin the next."""
        if all(len(each) >= ROUNDS for each in self._lacking):
            lacking = np.array([np.mean(each) for each in self._lacking])
            self._lacking = [[] for _ in self._views]
            self._end_round(lacking)
        stopping, restart = self.config.early_stopping, (self.finished - 1) // self.config.steps
        if done < self.config.steps:
            if stopping is None or self.finished - self._gained < stopping.patience:
                return
            self.notes.append(f"step {self.finished}: stopped, no farther in {stopping.patience}")
            self.finished = (restart + 1) * self.config.steps
        if self.finished < self.total:
            self._begin(PACE)

    def _end_round(self, lacking: NDArray[np.float64]) -> None:
        worst = float(lacking.max())
        if worst > LOST:
            self._go_back()
            return
        if worst <= MARGIN:
            self._keep()
        raised = self._multipliers + self._penalty * torch.tensor(lacking, dtype=torch.float32)
        self._multipliers = raised.clamp(min=0)
        if worst > max(SETTLED, self._worst / 2):
            self._penalty = min(2 * self._penalty, MOST_PENALTY)
        self._worst = max(worst, 0.0)

    @torch.no_grad()
    def _keep(self) -> None:
        """Keep where the variables stand, if no place of this start was farther."""
        here = Candidate(self.distance(), self._snapshot())
        before = self._candidates.get(self._restart)
        if before is None or here.distance > before.distance:
            self._candidates[self._restart] = here
        if before is None or here.distance > GAIN * before.distance:
            self._gained = self.finished

    def _go_back(self) -> None:
        """Return to the farthest that was alike enough, or to the target, at half the pace."""
        kept, gained = self._candidates.get(self._restart), self._gained
        multipliers, penalty = self._multipliers, self._penalty
        self._begin(max(self._pace / 2, LEAST_PACE))
        self._gained = gained  # to return is no gain
        if kept:
            self._place(kept.place)
            self._multipliers, self._penalty = multipliers, penalty

    def _begin(self, pace: float) -> None:
        """Stand beside the target, with nothing learnt of the way."""
        self._stand_at_start()
        self._multipliers = torch.zeros(len(self._views))
        self._penalty, self._worst = PENALTY, float("inf")
        self._lacking = [[] for _ in self._views]
        self._pace, self._gained = pace, self.finished
        self._distance = distance_of(self.start, self.variables[0])
        self._move_off()

    @torch.no_grad()
    def _move_off(self) -> None:
        """Take a small step at random."""
        for v in self.variables:
            length = FIRST_STEP * self._pace * getattr(self.config.learning_rate, v.attribute)
            for tensor in v.tensors.values():
                noise = self._rng.normal(scale=length, size=tuple(tensor.shape))
                tensor.add_(torch.as_tensor(noise).to(tensor))
            v.keep_in_bounds()

    @property
    def _restart(self) -> int:
        """Number of the start that the last step belonged to, from 0."""
        return max(self.finished - 1, 0) // self.config.steps

    # ---- Results and states ---------------------------------------------------------------------

    @torch.no_grad()
    def distance(self) -> float:
        """How far the variables stand from the target, in the unit of `scenes.differences`."""
        return float(self._distance())

    def candidates(self) -> dict[int, Candidate]:
        """The farthest place of each start, by its number, where the match was enough."""
        return dict(self._candidates)

    def scene_at(self, candidate: Candidate, share: float = 1.0) -> Scene:
        """The scene of a candidate, or a share of the way to it; the search stands there then."""
        self._place(
            {
                name: first + share * (candidate.place[name] - first)
                for name, first in self._target_place.items()
            }
        )
        return self.scene()

    def state(self) -> State:
        """All that `resume` needs."""
        plain = super().state()
        arrays = {**plain.arrays} | {
            f"candidate.{k}.{name}": array
            for k, each in self._candidates.items()
            for name, array in each.place.items()
        }
        header = {
            "multipliers": self._multipliers.tolist(),
            "penalty": self._penalty,
            "worst": None if np.isinf(self._worst) else self._worst,
            "lacking": self._lacking,
            "pace": self._pace,
            "gained": self._gained,
            "candidates": [[k, each.distance] for k, each in self._candidates.items()],
        }
        return State(plain.step, arrays, {**plain.header, "diverge": header})

    def resume(self, state: State) -> None:
        """Stand where the state was saved."""
        super().resume(state)
        header = state.header["diverge"]
        self._multipliers = torch.tensor(header["multipliers"])
        self._penalty = header["penalty"]
        self._worst = float("inf") if header["worst"] is None else header["worst"]
        self._lacking = [list(each) for each in header["lacking"]]
        self._pace = header["pace"]
        self._gained = header["gained"]
        self._candidates = {
            k: Candidate(distance, under(f"candidate.{k}.", state.arrays))
            for k, distance in header["candidates"]
        }


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
    """Pearson r (V,) of activations, mean over layers, differentiable (`mrd.similarity` is not).

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

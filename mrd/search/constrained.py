"""A search that begins at its target, under a condition at every training camera.

It makes a physical distance D as large or as small as the condition h_c(x) ≤ 0 allows at every
training camera c, by an augmented Lagrangian (Hestenes 1969, Powell 1969, Rockafellar 1973): a step
lowers

    ±D(x)/unit + Σ_c [max(0, λ_c + ρ h_c)² − λ_c²] / 2ρ

over the cameras of its views, and after each round, in which every camera is seen `ROUNDS` times,
λ_c ← max(0, λ_c + ρ h̄_c), h̄_c the round's mean; ρ is doubled where the largest h̄_c has not halved.
At the target itself a distance has no gradient: every start is a small seeded step away from it.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.search.distance_from_target import UNIT, Distance, distance_of
from mrd.search.loop import Arrays, Search, under
from mrd.study.checkpoint import SearchState
from scenes.scene import Scene

ROUNDS = 2
PENALTY, MOST_PENALTY = 10.0, 1e4  # ρ at the start, and at most
SETTLED = 0.02  # a violation below which ρ stays
FIRST_STEP = 0.5  # length of the step off the target, in steps at the pace of the start


@dataclass(frozen=True)
class Candidate:
    """Where a search stood when a round met its condition.

    Attributes
    ----------
    distance
        From the target, as `mrd.search.distance_from_target` measures it.
    place
        Of the variables.
    """

    distance: float
    place: Arrays


class ConstrainedSearch(Search):
    """A search from its target, which is its start; the parameters are those of `Search`.

    A subclass says what the condition is, which way the distance is to go, and calls `_move_off`
    when it is made.
    """

    WAY: ClassVar[int]  # 1: the farther the better; -1: the nearer
    PACE: ClassVar[float]  # of the learning rates, at the start
    SLACK: ClassVar[float]  # a condition of a round that fails by no more is met
    WITHOUT_GAIN: ClassVar[str]  # what an early stop says
    PLACE_COUNTS: ClassVar[bool] = False  # whether what a whole shape moved is distance

    def __init__(self, start: Scene, *args: Any, **named: Any) -> None:
        super().__init__(start, *args, **named)
        self._keeps_best = True
        self._candidates: dict[int, Candidate] = {}  # of each start, by its number
        self._target_place = self._snapshot()
        self._multipliers = torch.zeros(len(self._views))
        self._penalty, self._worst = PENALTY, float("inf")
        self._failing: list[list[float]] = [[] for _ in self._views]
        self._pace = self.PACE
        self._gained = 0
        self._distance: Distance = self._measured()

    # ---- The objective --------------------------------------------------------------------------

    @abstractmethod
    def _condition(
        self,
        activations: Mapping[str, torch.Tensor],
        wanted: Mapping[str, torch.Tensor],
        chosen: Sequence[int],
    ) -> torch.Tensor:
        """By how much the condition fails at a step's views, (V,), differentiable; ≤ 0: it holds.

        Parameters
        ----------
        activations, wanted
            Layer → activations (V, …) of a step's renders, and of the target.
        chosen
            The training cameras that they are of, by number.
        """

    def _objective(
        self,
        activations: Mapping[str, torch.Tensor],
        wanted: Mapping[str, torch.Tensor],
        second: Mapping[str, torch.Tensor] | None,  # noqa: ARG002
        chosen: Sequence[int],
    ) -> torch.Tensor:
        failing = self._condition(activations, wanted, chosen)
        for camera, each in zip(chosen, failing.detach().tolist(), strict=True):
            self._failing[camera].append(each)
        multipliers = self._multipliers[list(chosen)].to(failing)
        pressed = (multipliers + self._penalty * failing).clamp(min=0)
        return ((pressed**2 - multipliers**2) / (2 * self._penalty)).sum()

    def _hand_on(
        self,
        values: Mapping[str, torch.Tensor],
        gradients: Mapping[str, torch.Tensor],
        penalty: torch.Tensor,
    ) -> None:
        """Take the model's gradients on to the tensors, with the distance's own."""
        far = self._distance() / UNIT[self.config.attributes[0]]
        super()._hand_on(values, gradients, penalty - self.WAY * far)

    # ---- Rounds ---------------------------------------------------------------------------------

    def _rate(self, attribute: str) -> float:
        """Learning rate of the next step."""
        return self._pace * super()._rate(attribute)

    def _look_at(self, loss: float, done: int) -> None:  # noqa: ARG002
        """At the end of a round, see to the condition; at the end of a start, begin the next."""
        if all(len(each) >= ROUNDS for each in self._failing):
            failing = np.array([np.mean(each) for each in self._failing])
            self._failing = [[] for _ in self._views]
            self._end_round(failing)
        stopping, restart = self.config.early_stopping, (self.finished - 1) // self.config.steps
        if done < self.config.steps:
            if stopping is None or self._restart not in self._candidates:
                return  # what has met nothing yet has not stopped to gain
            if self.finished - self._gained < stopping.patience:
                return
            self.notes.append(
                f"step {self.finished}: stopped, {self.WITHOUT_GAIN} in {stopping.patience}"
            )
            self.finished = (restart + 1) * self.config.steps
        if self.finished < self.total:
            self._begin(self.PACE)

    def _end_round(self, failing: NDArray[np.float64]) -> None:
        """Keep what is met, and weigh the cameras anew; by how much each failed (C,)."""
        worst = float(failing.max())
        if worst <= self.SLACK:
            self._keep()
        raised = self._multipliers + self._penalty * torch.tensor(failing, dtype=torch.float32)
        self._multipliers = raised.clamp(min=0)
        if worst > max(SETTLED, self._worst / 2):
            self._penalty = min(2 * self._penalty, MOST_PENALTY)
        self._worst = max(worst, 0.0)

    @torch.no_grad()
    def _keep(self) -> None:
        """Keep where the variables stand, if no place of this start was better."""
        here = Candidate(self.distance(), self._snapshot())
        before = self._candidates.get(self._restart)
        if before is None or self.WAY * here.distance > self.WAY * before.distance:
            self._candidates[self._restart] = here
        if before is None or self._is_gain(here.distance, before.distance):
            self._gained = self.finished

    @abstractmethod
    def _is_gain(self, distance: float, before: float) -> bool:
        """Whether a distance is better than another by what counts."""

    def _begin(self, pace: float) -> None:
        """Stand beside the target, with nothing learnt of the way."""
        self._stand_at_start()
        self._multipliers = torch.zeros(len(self._views))
        self._penalty, self._worst = PENALTY, float("inf")
        self._failing = [[] for _ in self._views]
        self._pace, self._gained = pace, self.finished
        self._distance = self._measured()
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

    def _measured(self) -> Distance:
        return distance_of(self.start, self.variables[0], self.PLACE_COUNTS)

    # ---- Results and states ---------------------------------------------------------------------

    @torch.no_grad()
    def distance(self) -> float:
        """How far the variables stand from the target, in the unit of `scenes.differences`."""
        return float(self._distance())

    def candidates(self) -> dict[int, Candidate]:
        """The best place of each start, by its number, where the condition was met."""
        return dict(self._candidates)

    def scene_at(self, candidate: Candidate, share: float = 1.0) -> Scene:
        """The scene of a candidate, or at a share of the way to it, as far as bounds allow.

        The search stands there then.
        """
        self._place(
            {
                name: first + share * (candidate.place[name] - first)
                for name, first in self._target_place.items()
            }
        )
        for v in self.variables:
            v.keep_in_bounds()
        return self.scene()

    def state(self) -> SearchState:
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
            "failing": self._failing,
            "pace": self._pace,
            "gained": self._gained,
            "candidates": [[k, each.distance] for k, each in self._candidates.items()],
        }
        return SearchState(plain.step, arrays, {**plain.header, "constrained": header})

    def resume(self, state: SearchState) -> None:
        """Stand where the state was saved."""
        super().resume(state)
        header = state.header["constrained"]
        self._multipliers = torch.tensor(header["multipliers"])
        self._penalty = header["penalty"]
        self._worst = float("inf") if header["worst"] is None else header["worst"]
        self._failing = [list(each) for each in header["failing"]]
        self._pace = header["pace"]
        self._gained = header["gained"]
        self._candidates = {
            k: Candidate(distance, under(f"candidate.{k}.", state.arrays))
            for k, distance in header["candidates"]
        }

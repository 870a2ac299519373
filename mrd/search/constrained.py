"""Searches that start at their target, under a condition at every training camera.

They make the physical distance D from the target as large, or as small, as the condition h_c(x) ≤ 0
allows at every training camera c, by an augmented Lagrangian (Hestenes 1969, Powell 1969,
Rockafellar 1973). A step decreases (− for the largest D, + for the smallest)

    ±D(x)/unit + Σ_c [max(0, λ_c + ρ h_c)² − λ_c²] / 2ρ

where c are the cameras of the step's views. After each round, in which every camera is seen
`ROUNDS` times, λ_c ← max(0, λ_c + ρ h̄_c), where h̄_c is the mean of h_c in the round; ρ is doubled
if the largest h̄_c has not halved. At the target itself a distance has no gradient, so every start
begins with a small step away from the target.

A place is a set of values of the search's variables.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.search.distance_from_target import UNIT, Distance, distance_from_target
from mrd.search.loop import Mode, Search
from mrd.search.moving_scene import Arrays, with_prefix
from mrd.search.step import StepActivations
from mrd.study.checkpoint import SearchState
from scenes.scene import Scene

ROUNDS = 2  # how often each camera is seen in a round
PENALTY, MOST_PENALTY = 10.0, 1e4  # ρ at the start, and at most
SETTLED = 0.02  # ρ is not raised if the condition is violated by less
FIRST_STEP = 0.5  # standard deviation of the first, random step, in usual steps of the start


@dataclass(frozen=True)
class Place:
    """Values of the variables, and their distance D from the target."""

    distance: float
    snapshot: Arrays


class Constrained(Mode):
    """A mode that maximises or minimises the distance from the target under a condition."""

    sign: ClassVar[int]  # 1 to maximise the distance, -1 to minimise it
    first_pace: ClassVar[float]  # factor on the learning rates at the start
    slack: ClassVar[float]  # largest mean violation with which a round still meets the condition
    no_gain: ClassVar[str]  # text for the user's note about an early stop
    translation_counts: ClassVar[bool] = False  # whether moving a whole shape counts as distance

    places: dict[int, Place]  # number of a start → its best place
    _distance: Distance

    def begin(self, search: Search) -> None:
        """Make the first step away from the target."""
        self.places = {}
        self._at_target = search.moving.snapshot()
        self.prepare(search)
        self._begin_start(search, self.first_pace)

    def prepare(self, search: Search) -> None:
        """Compute constants of the condition; raise InputError if the search is impossible."""

    @abstractmethod
    def condition(self, step: StepActivations) -> torch.Tensor:
        """Return the violation of the condition at each view, (V,), differentiable; ≤ 0 if met."""

    @abstractmethod
    def is_gain(self, distance: float, before: float) -> bool:
        """Return whether a distance is clearly better than an earlier one."""

    def _begin_start(self, search: Search, pace: float) -> None:
        """Reset multipliers, penalty and pace; then make the first step away from the target.

        The variables are at the target before.
        """
        self._multipliers = torch.zeros(len(search.views))
        self._penalty, self._worst = PENALTY, float("inf")
        self._violations: list[list[float]] = [[] for _ in search.views]
        self.pace, self._last_gain = pace, search.finished
        self._distance = distance_from_target(
            search.start, search.moving.variables[0], self.translation_counts
        )
        self.first_step(search, pace)
        self.hold_fixed(search.moving.variables)

    def first_step(self, search: Search, pace: float) -> None:
        """Leave the target by a small random step."""
        search.moving.perturb(search.rng, FIRST_STEP * pace)

    def return_to_target(self, search: Search, pace: float) -> None:
        """Set the variables to the target, and begin again from there."""
        search.moving.reset()
        self._begin_start(search, pace)

    # ---- Objective ------------------------------------------------------------------------------

    def objective(self, search: Search, step: StepActivations) -> torch.Tensor:  # noqa: ARG002
        """Return the augmented Lagrangian of the condition at the step's views."""
        violation = self.condition(step)
        for camera, each in zip(step.views, violation.detach().tolist(), strict=True):
            self._violations[camera].append(each)
        multipliers = self._multipliers[step.views].to(violation)
        raised = (multipliers + self._penalty * violation).clamp(min=0)
        return ((raised**2 - multipliers**2) / (2 * self._penalty)).sum()

    def distance_term(self, search: Search) -> torch.Tensor:
        """Return distance / unit, with the sign with which a step minimises it."""
        return -self.sign * (self._distance() / UNIT[search.config.attributes[0]])

    # ---- Rounds ---------------------------------------------------------------------------------

    def end_step(self, search: Search, loss: float, s: float) -> None:  # noqa: ARG002
        """At the end of a round, update the multipliers; at the end of a start, begin the next."""
        if all(len(each) >= ROUNDS for each in self._violations):
            means = np.array([np.mean(each) for each in self._violations])
            self._violations = [[] for _ in search.views]
            self.end_round(search, means)
        if self._ends_start(search) and search.finished < search.total:
            self.return_to_target(search, self.first_pace)

    def end_round(self, search: Search, violation: NDArray[np.float64]) -> None:
        """Store a place that meets the condition; update λ and ρ from the mean `violation` (C,)."""
        worst = float(violation.max())
        if worst <= self.slack:
            self._keep(search)
        raised = self._multipliers + self._penalty * torch.tensor(violation, dtype=torch.float32)
        self._multipliers = raised.clamp(min=0)
        if worst > max(SETTLED, self._worst / 2):
            self._penalty = min(2 * self._penalty, MOST_PENALTY)
        self._worst = max(worst, 0.0)

    def _keep(self, search: Search) -> None:
        """Store the variables as the best place of this start, unless a better one is stored."""
        place = Place(self.distance(), search.moving.snapshot())
        before = self.places.get(start_number(search))
        if before is None or self.sign * place.distance > self.sign * before.distance:
            self.places[start_number(search)] = place
        if before is None or self.is_gain(place.distance, before.distance):
            self._last_gain = search.finished

    def _ends_start(self, search: Search) -> bool:
        """Return whether the current start ends; an early stop counts its other steps as done."""
        number, steps = start_number(search), search.config.steps
        if search.steps_of_start == steps:
            return True
        stopping = search.config.early_stopping
        if stopping is None or number not in self.places:  # no place meets the condition yet
            return False
        if search.finished - self._last_gain < stopping.patience:
            return False
        search.notes.append(
            f"step {search.finished}: stopped, {self.no_gain} in {stopping.patience} steps"
        )
        search.finished = (number + 1) * steps
        return True

    # ---- Results and states ---------------------------------------------------------------------

    @torch.no_grad()
    def distance(self) -> float:
        """Return the distance of the variables from the target, in units of scenes.differences."""
        return float(self._distance())

    def history(self, search: Search) -> dict[str, float]:  # noqa: ARG002
        """Return the distance from the target as a further column of `history.csv`."""
        return {"distance": self.distance()}

    def scene_at(self, search: Search, place: Place, share: float = 1.0) -> Scene:
        """Set the variables on the line from target (`share` 0) to place (1); return the scene."""
        search.moving.place(
            {
                name: first + share * (place.snapshot[name] - first)
                for name, first in self._at_target.items()
            }
        )
        search.moving.keep_in_bounds()
        return search.scene()

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the best places, the multipliers, penalty and pace."""
        arrays = {
            f"candidate.{number}.{name}": array
            for number, place in self.places.items()
            for name, array in place.snapshot.items()
        }
        header = {
            "multipliers": self._multipliers.tolist(),
            "penalty": self._penalty,
            "worst": None if np.isinf(self._worst) else self._worst,
            "failing": self._violations,
            "pace": self.pace,
            "gained": self._last_gain,
            "candidates": [[number, place.distance] for number, place in self.places.items()],
        }
        return arrays, {"constrained": header}

    def can_resume(self, state: SearchState) -> bool:
        """Return whether the state has all that `resume` needs; old ones may not."""
        return "constrained" in state.header

    def resume(self, search: Search, state: SearchState) -> None:  # noqa: ARG002
        """Restore the best places, the multipliers, penalty and pace."""
        header = state.header["constrained"]
        self._multipliers = torch.tensor(header["multipliers"])
        self._penalty = header["penalty"]
        self._worst = float("inf") if header["worst"] is None else header["worst"]
        self._violations = [list(each) for each in header["failing"]]
        self.pace = header["pace"]
        self._last_gain = header["gained"]
        self.places = {
            number: Place(distance, with_prefix(f"candidate.{number}.", state.arrays))
            for number, distance in header["candidates"]
        }


def start_number(search: Search) -> int:
    """Return the number, from 0, of the start to which the last step belongs."""
    return max(search.finished - 1, 0) // search.config.steps

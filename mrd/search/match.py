"""`mode: match`: change a start scene until its activations match those of the target.

If a search may stop early or has several starts, it stores the variables with the lowest smoothed
loss, the best place, and returns to them at its end.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from mrd.criterion.bench import Bench
from mrd.criterion.verdict import Scorer
from mrd.models import registry
from mrd.models.base import Model
from mrd.search.loop import Mode, Search
from mrd.search.moving_scene import Arrays, with_prefix
from mrd.search.plateau import Plateau
from mrd.search.step import StepActivations
from mrd.study.checkpoint import SearchState
from mrd.study.model_section import ModelConfig
from scenes.scene import Scene

# The loss is smoothed over the steps in which every camera is seen this many times.
ROUNDS_OF_PLATEAU = 4

# Standard deviation of the noise that is added to the start of a restart, in steps.
STEPS_OF_RESTART = 3.0


class Match(Mode):
    """Minimise the study's loss.

    `match` converts the similarity of a step to a match, for early stopping.
    """

    def __init__(self, match: Callable[[float], float] = float) -> None:
        self._match = match
        self.best: Arrays = {}
        self.best_step = 0
        self.best_loss = float("inf")

    def model(self, config: ModelConfig, bench: Bench) -> Model:
        """Return the model; if the study names guides, they are further layers of it."""
        if not config.guides:
            return bench.model
        return registry.create(config.guided(bench.model.layer_weights), bench.device)

    def begin(self, search: Search) -> None:
        """Reset the smoothed losses."""
        self._reset_plateaus(search)

    def objective(self, search: Search, step: StepActivations) -> torch.Tensor:
        """Return the study's loss."""
        return search.matching_loss(step)

    def after_remeshing(self, search: Search) -> None:
        """Reset the smoothed loss: losses before and after remeshing are not comparable."""
        self._loss = Plateau(_window(search))

    def after_soft_phases(self, search: Search) -> None:
        """Reset the smoothed losses, which were of another target."""
        self._reset_plateaus(search)

    def end_step(self, search: Search, loss: float, s: float) -> None:
        """End the search if the match is high enough; else store the best variables.

        Begin the next start, or end the search, when the start has done its steps or stops
        improving.
        """
        config = search.config
        if search.steps_of_start <= search.soft_steps:
            return
        if self._is_sufficient(search, s):
            search.notes.append(f"step {search.finished}: stopped, the match is high enough")
            self.best, self.best_step = search.moving.snapshot(), search.finished
            search.finished = search.total
        elif config.early_stopping is not None or config.restarts > 1:
            self._update_best(search, loss)
            if self._ends_start(search):
                self._next_start(search)

    def _is_sufficient(self, search: Search, s: float) -> bool:
        stopping = search.config.early_stopping
        if stopping is None or stopping.match is None:
            return False
        self._mismatch.observe(1 - self._match(s))
        return self._mismatch.best <= 1 - stopping.match

    def _update_best(self, search: Search, loss: float) -> None:
        if self._loss.observe(loss) and self._loss.best < self.best_loss:
            self.best, self.best_loss = search.moving.snapshot(), self._loss.best
            self.best_step = search.finished

    def _ends_start(self, search: Search) -> bool:
        """Return whether the current start ends; an early stop counts its other steps as done."""
        done, stopping = search.steps_of_start, search.config.early_stopping
        if stopping and self._loss.without_gain >= stopping.patience:
            search.notes.append(
                f"step {search.finished}: stopped, no lower loss in {stopping.patience} steps"
            )
            search.finished += search.config.steps - done
            return True
        return done == search.config.steps

    def _next_start(self, search: Search) -> None:
        """Begin the next start near the first one; after the last, return to the best place."""
        if search.finished < search.total:
            search.moving.reset()
            self._reset_plateaus(search)
            search.moving.perturb(search.rng, STEPS_OF_RESTART)
        elif self.best:
            search.moving.restore(self.best)

    def _reset_plateaus(self, search: Search) -> None:
        self._loss, self._mismatch = Plateau(_window(search)), Plateau(_window(search))

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the best place and the smoothed losses."""
        header = {
            "plateau": self._loss.as_json(),
            "unlike": self._mismatch.as_json(),
            "best_loss": self.best_loss if self.best else None,
            "best_step": self.best_step if self.best else None,
        }
        return {f"best.{name}": array for name, array in self.best.items()}, header

    def resume(self, search: Search, state: SearchState) -> None:  # noqa: ARG002
        """Restore the best place and the smoothed losses."""
        self.best = with_prefix("best.", state.arrays)
        self.best_loss = state.header["best_loss"] if self.best else float("inf")
        self.best_step = state.header["best_step"] if self.best else 0
        self._loss = Plateau.from_json(state.header["plateau"])
        self._mismatch = Plateau.from_json(state.header["unlike"])

    def result(self, search: Search, scorer: Scorer) -> tuple[Scene, dict[str, Any]]:  # noqa: ARG002
        """Return the scene where the search ended, and its soft steps."""
        return search.scene(), {"soft_steps": search.soft_steps} if search.soft else {}


def _window(search: Search) -> int:
    order = search.view_order
    window = ROUNDS_OF_PLATEAU * -(-order.views // order.per_step)
    return min(window, search.config.steps - search.soft_steps)  # even a short start has one mean

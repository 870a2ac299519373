"""Constant stimuli: every level equally often, in random order."""

from collections.abc import Sequence

import numpy as np


class ConstantStimuli:
    """Rounds of all levels, each round in a new order; `trials` is the number of rounds."""

    def __init__(self, levels: Sequence[float], trials: int, rng: np.random.Generator) -> None:
        rounds = [rng.permutation(np.asarray(levels, dtype=float)) for _ in range(trials)]
        self._levels: list[float] = np.concatenate(rounds).tolist() if rounds else []
        self._next = 0

    @property
    def remaining(self) -> int:
        """Number of remaining trials."""
        return len(self._levels) - self._next

    def level(self) -> float:
        """Return the level of the next trial."""
        return self._levels[self._next]

    def update(self, correct: bool, informative: bool) -> None:  # noqa: ARG002
        """Move to the next level."""
        self._next += 1

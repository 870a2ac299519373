"""The order in which a search visits its cameras."""

from __future__ import annotations

import numpy as np


class ViewOrder:
    """A random order of cameras; all cameras come once before one comes a second time."""

    def __init__(self, views: int, per_step: int, rng: np.random.Generator) -> None:
        self.views = views
        self.per_step = min(per_step, views)
        self.remaining: list[int] = []
        self._rng = rng

    def next(self) -> list[int]:
        """Return the cameras of the next step."""
        order = self.remaining
        if len(order) < self.per_step:
            # If a step ends one round and begins the next, it still has no camera twice.
            next_round = self._rng.permutation(self.views).tolist()
            order = order + sorted(next_round, key=order.__contains__)
        chosen, self.remaining = order[: self.per_step], order[self.per_step :]
        return chosen

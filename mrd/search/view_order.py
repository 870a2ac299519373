"""The order in which a search visits its cameras."""

from __future__ import annotations

import numpy as np


class ViewOrder:
    """A random order of cameras, in which each comes once before any comes again."""

    def __init__(self, views: int, per_step: int, rng: np.random.Generator) -> None:
        self.views = views
        self.per_step = min(per_step, views)
        self.remaining: list[int] = []
        self._rng = rng

    def next(self) -> list[int]:
        """Return the cameras of the next step."""
        left = self.remaining
        if len(left) < self.per_step:
            # A step that ends one round and begins the next still has no camera twice.
            again = self._rng.permutation(self.views).tolist()
            left = left + sorted(again, key=left.__contains__)
        chosen, self.remaining = left[: self.per_step], left[self.per_step :]
        return chosen

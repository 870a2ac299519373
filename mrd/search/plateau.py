"""When a search has stopped gaining: pure bookkeeping of its loss."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Plateau:
    """The best smoothed loss so far, and how long ago it was.

    The loss of a step is that of few views and samples; its exponential mean over about `window`
    steps is what is compared.

    Parameters
    ----------
    window
        Steps that the mean is taken over, at least 1.
    """

    window: int
    mean: float = float("nan")
    best: float = float("inf")
    steps: int = 0
    best_step: int = 0

    def observe(self, loss: float) -> bool:
        """Take in the loss of a step; say whether the mean is now the best.

        Until `window` steps are seen the mean is of too few views to be compared.
        """
        self.steps += 1
        weight = 1 / min(self.steps, self.window)
        self.mean = loss if self.steps == 1 else (1 - weight) * self.mean + weight * loss
        if self.steps < self.window or self.mean >= self.best:
            return False
        self.best, self.best_step = self.mean, self.steps
        return True

    @property
    def without_gain(self) -> int:
        """Steps since the best mean, or since there is a mean that counts."""
        return max(0, self.steps - max(self.best_step, self.window))

    def as_json(self) -> dict[str, Any]:
        """All numbers, for a saved state (those that are not finite as null)."""
        return {k: v if abs(v) < float("inf") else None for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, numbers: Mapping[str, Any]) -> Plateau:
        """The plateau that `as_json` wrote."""
        known = {name: value for name, value in numbers.items() if value is not None}
        return cls(**known)

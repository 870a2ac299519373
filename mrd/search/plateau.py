"""Detection of the point at which a search stops improving."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass
class Plateau:
    """The lowest smoothed loss so far, and its step.

    The loss of a single step is noisy, as it has few views and samples. So the losses are smoothed
    by an exponential mean over about `window` steps, at least 1.
    """

    window: int
    mean: float = float("nan")
    best: float = float("inf")
    steps: int = 0
    best_step: int = 0

    def observe(self, loss: float) -> bool:
        """Add the loss of a step; return whether the mean is the lowest so far.

        It returns False in the first `window` steps.
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
        """Number of steps since the lowest mean, or since the first `window` steps."""
        return max(0, self.steps - max(self.best_step, self.window))

    def as_json(self) -> dict[str, Any]:
        """Return all fields for a saved state; numbers that are not finite become null."""
        return {k: v if abs(v) < float("inf") else None for k, v in asdict(self).items()}

    @classmethod
    def from_json(cls, numbers: Mapping[str, Any]) -> Plateau:
        """Return the plateau with the fields that `as_json` returned."""
        known = {name: value for name, value in numbers.items() if value is not None}
        return cls(**known)

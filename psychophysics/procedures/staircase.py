"""Staircase: harder after n right answers in a row, easier after m wrong ones in a row.

It uses the stimulus set's levels above 0. At the smallest and the largest, a change of direction
counts as a reversal only if the level changes.
"""

from collections.abc import Sequence


class Staircase:
    """An n-down m-up staircase; parameters as in `psychophysics.config.StaircaseConfig`."""

    def __init__(
        self,
        levels: Sequence[float],
        *,
        down: int,
        up: int,
        trials: int,
        reversals: int,
        start: int,
        steps: Sequence[int],
    ) -> None:
        self._levels = [float(level) for level in levels]
        self._place = max(len(self._levels) - 1 - start, 0)
        self._down, self._up = down, up
        self._trials, self._most_reversals, self._steps = trials, reversals, tuple(steps)
        self._right = self._wrong = self._done = 0
        self._direction = 0
        self.reversals: list[float] = []
        """Levels of the reversals, in order."""

    @property
    def remaining(self) -> int:
        """Number of remaining trials, at most."""
        if self._most_reversals and len(self.reversals) >= self._most_reversals:
            return 0
        return self._trials - self._done

    def level(self) -> float:
        """Return the level of the next trial."""
        return self._levels[self._place]

    def update(self, correct: bool, informative: bool) -> None:
        """Count the answer, and change the level if enough answers in a row were right or wrong."""
        self._done += 1
        if not informative:
            return
        self._right = self._right + 1 if correct else 0
        self._wrong = 0 if correct else self._wrong + 1
        if self._right == self._down:
            self._step(-1)
        elif self._wrong == self._up:
            self._step(+1)

    def _step(self, direction: int) -> None:
        self._right = self._wrong = 0
        turned = direction == -self._direction
        # The step at a reversal already has the next size.
        turns = len(self.reversals) + turned
        step = self._steps[min(turns, len(self._steps) - 1)]
        place = min(max(self._place + direction * step, 0), len(self._levels) - 1)
        if turned and place != self._place:
            self.reversals.append(self._levels[self._place])
        if place != self._place:
            self._direction = direction
        self._place = place

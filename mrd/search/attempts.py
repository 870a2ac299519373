"""Attempts: the first part of a search of a shape is made again if it went wrong.

Whether a thin part of a shape grows is decided early, partly by chance, and no later step can grow
it. A search that went wrong has a low match long before its end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mrd.search.moving_scene import Arrays
from mrd.search.plateau import Plateau
from mrd.study.search_section import SearchConfig

SHARE = 0.6  # of the steps of a start, after which its match is checked
ENOUGH = 0.9  # least smoothed match at which a search goes on


class Attempts:
    """The attempts of one start; `window` is the number of steps over which matches are smoothed.

    The variables of the best attempt are kept. Later steps start from them if no attempt has a
    match of `ENOUGH`.
    """

    def __init__(self, config: SearchConfig, window: int) -> None:
        self.most, self.steps = config.attempts, round(SHARE * config.steps)
        self.number, self.best_number, self.best_match = 1, 0, -float("inf")
        self.best: Arrays = {}
        self._window = window
        self._mismatch = Plateau(window)

    def observe(self, match: float) -> None:
        """Add the match of a step, if there can be another attempt at all."""
        if self.most > 1:
            self._mismatch.observe(1 - match)

    @property
    def match(self) -> float:
        """The smoothed match now."""
        return 1 - self._mismatch.mean

    def is_enough(self, variables: Arrays) -> bool:
        """Return whether the search goes on with the current variables; keep them if the best."""
        if self.match > self.best_match:
            self.best, self.best_number, self.best_match = variables, self.number, self.match
        return self.match >= ENOUGH

    def begin_next(self) -> bool:
        """Begin the next attempt; return False if all have been made."""
        if self.number >= self.most:
            return False
        self.number += 1
        self._mismatch = Plateau(self._window)
        return True

    def state(self) -> tuple[Arrays, dict[str, Any]]:
        """Return the arrays and the header of a saved state."""
        header = {
            "number": self.number,
            "best_number": self.best_number,
            "best_match": self.best_match if self.best else None,
            "mismatch": self._mismatch.as_json(),
        }
        return self.best, header

    def resume(self, best: Arrays, header: Mapping[str, Any]) -> None:
        """Restore a saved state."""
        self.best, self.number, self.best_number = best, header["number"], header["best_number"]
        self.best_match = header["best_match"] if best else -float("inf")
        self._mismatch = Plateau.from_json(header["mismatch"])

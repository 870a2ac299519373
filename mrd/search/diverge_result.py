"""The reach of metamers: the distance of the widest of several starts that meets the criterion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mrd.search.constrained import Constrained, FeasiblePlace
from mrd.search.loop import Search
from scenes.differences import DISTANCE
from scenes.scene import Scene

HALVINGS = 6  # of the way back from a place that fails, to a sixty-fourth of it

Score = Callable[[Scene], dict[str, Any]]
"""From a scene to what `criterion.json` holds of it, at scoring quality."""


@dataclass(frozen=True)
class ScoredScene:
    """A scene and its score."""

    scene: Scene
    score: dict[str, Any]

    @property
    def is_metamer(self) -> bool:
        """Whether the scene is a metamer."""
        return bool(self.score["verdict"] == "metamer")

    @property
    def match(self) -> float:
        """Mean match over the training cameras."""
        return float(self.score["training"]["match"])


def widest_metamer(
    mode: Constrained, search: Search, score: Score, confirm: Score
) -> tuple[Scene, dict[str, Any]]:
    """Return the metamer that is farthest from the target, and its reach.

    The kept place of each start is scored; if it fails, the search steps back from it until it
    passes. The farthest of many scored scenes owes part of its score to noise: so it has to pass
    once more, by `confirm`, with independent noise, and if it fails the next farthest is taken.
    Without a metamer, the scored scene with the highest match is returned; if there is none, the
    scene where the search ended.

    The reach holds ``distance`` (None if nothing passes) and its ``measure``, and ``starts``: for
    each the distance, match and verdict of its widest metamer, or of its kept place. It is a lower
    bound: a longer search may reach farther.
    """
    attribute = search.config.attributes[0]
    measure = DISTANCE[attribute]

    def distance(each: ScoredScene) -> float:
        return float(each.score["physical_difference"][attribute][measure])

    metamers: list[ScoredScene] = []
    failed: list[ScoredScene] = []
    starts: list[dict[str, Any]] = []
    for number in range(search.config.restarts):
        place = mode.places.get(number)
        if place is None:
            starts.append({"distance": None, "match": None, "verdict": "nothing alike was kept"})
            continue
        best = _stepped_back(mode, search, place, score)
        (metamers if best.is_metamer else failed).append(best)
        starts.append(
            {"distance": distance(best), "match": best.match, "verdict": best.score["verdict"]}
        )
    reach = {"measure": measure, "bound": "lower", "starts": starts}
    for best in sorted(metamers, key=distance, reverse=True):
        if ScoredScene(best.scene, confirm(best.scene)).is_metamer:
            return best.scene, {"distance": distance(best), **reach}
    if kept := failed + metamers:
        return max(kept, key=lambda each: each.match).scene, {"distance": None, **reach}
    return search.scene(), {"distance": None, **reach}


def _stepped_back(
    mode: Constrained, search: Search, place: FeasiblePlace, score: Score
) -> ScoredScene:
    """Return the farthest metamer on the straight way from the target to a place, by halving.

    A scene that is physically the target again is too near. Without a metamer, return the place.
    """

    def scored(share: float) -> ScoredScene:
        scene = mode.scene_at(search, place, share)
        return ScoredScene(scene, score(scene))

    best = scored(1.0)
    if best.is_metamer:
        return best
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        found = scored(middle)
        if found.is_metamer:
            best = found
        if found.is_metamer or found.score["target_again"]:
            low = middle
        else:
            high = middle
    return best

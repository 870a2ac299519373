"""The reach of a search: the distance of its widest metamer, the farthest over several starts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mrd.search.constrained import Constrained, Place
from mrd.search.loop import Search
from scenes.differences import DISTANCE
from scenes.scene import Scene

HALVINGS = 6  # of the interval between target and a failed scene, down to 1/64 of it

Score = Callable[[Scene], dict[str, Any]]
"""Function from a scene to the content of `criterion.json`, scored at scoring quality."""


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
    mode: Constrained,
    ends: Mapping[int, Place],
    search: Search,
    score: Score,
    confirm: Score,
) -> tuple[Scene, dict[str, Any]]:
    """Return the metamer that is farthest from the target, and its reach.

    The best place (values of the variables) of each start is scored or, if no place met the
    condition of the search, the last one, from `ends` (earlier versions stored none). If it fails,
    scenes between the target and the place are scored. The farthest of many scenes may have passed
    by chance, through noise: so it has to pass again by `confirm`, with independent noise; if it
    fails, the next farthest has to. Without a metamer, the scored scene with the highest match is
    returned; without a scored scene, the scene at which the search ended.

    The reach has the keys ``distance`` (None if nothing passes), ``measure`` (the kind of
    distance), ``bound`` (a lower one: a longer search may reach farther), and ``starts``: for each
    start, distance, match and verdict of its widest metamer or, without one, of its best place.
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
        end = place or ends.get(number)
        best = _stepped_back(mode, search, end, score) if end else None
        if best:
            (metamers if best.is_metamer else failed).append(best)
        if best is None or not (place or best.is_metamer):
            starts.append({"distance": None, "match": None, "verdict": "nothing alike was kept"})
            continue
        starts.append(
            {"distance": distance(best), "match": best.match, "verdict": best.score["verdict"]}
        )
    reach = {"measure": measure, "bound": "lower", "starts": starts}
    for best in sorted(metamers, key=distance, reverse=True):
        if ScoredScene(best.scene, confirm(best.scene)).is_metamer:
            return best.scene, {"distance": distance(best), **reach}
    if scored := failed + metamers:
        return max(scored, key=lambda each: each.match).scene, {"distance": None, **reach}
    return search.scene(), {"distance": None, **reach}


def _stepped_back(mode: Constrained, search: Search, place: Place, score: Score) -> ScoredScene:
    """Return the farthest metamer on the straight line from the target to a place, by bisection.

    A scene that is physically the target itself is too near. Without a metamer, return the scene at
    the place.
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
        between = scored(middle)
        if between.is_metamer:
            best = between
        if between.is_metamer or between.score["target_again"]:
            low = middle
        else:
            high = middle
    return best

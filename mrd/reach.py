"""How far metamers of a target reach: the widest of several starts that the criterion lets pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mrd.diverge import Divergence
from scenes.differences import DISTANCE
from scenes.scene import Scene


@dataclass(frozen=True)
class Judged:
    """A scene, and what `criterion.json` says of it."""

    scene: Scene
    judgement: dict[str, Any]


def widest(
    search: Divergence, judge: Callable[[Scene], dict[str, Any]]
) -> tuple[Scene, dict[str, Any]]:
    """Judge what a search kept, the farthest of each start first, until one passes.

    Parameters
    ----------
    search
        Run to its end.
    judge
        Gives what `criterion.json` says of a scene, at scoring quality.

    Returns
    -------
    Scene
        The metamer that is physically farthest from the target; where none is one, what was judged
        with the highest match; where nothing was kept, where the search ended.
    dict
        The reach: ``distance`` (None where nothing passes) and its ``measure``, and ``starts``: for
        each the distance, match and verdict of what was judged of it last. A lower bound: a longer
        search may reach farther.
    """
    attribute = search.config.attributes[0]
    measure = DISTANCE[attribute]
    passed: list[Judged] = []
    failed: list[Judged] = []
    starts: list[dict[str, Any]] = []
    for restart in range(search.config.restarts):
        said: dict[str, Any] = {"distance": None, "match": None, "verdict": "nothing was kept"}
        for candidate in search.candidates():
            if candidate.restart != restart:
                continue
            scene = search.scene_at(candidate)
            judgement = judge(scene)
            said = {
                "distance": judgement["physical_difference"][attribute][measure],
                "match": judgement["training"]["match"],
                "verdict": judgement["verdict"],
            }
            is_metamer = judgement["verdict"] == "metamer"
            (passed if is_metamer else failed).append(Judged(scene, judgement))
            if is_metamer:
                break
        starts.append(said)

    def far(each: Judged) -> float:
        return float(each.judgement["physical_difference"][attribute][measure])

    reach = {"measure": measure, "bound": "lower", "starts": starts}
    if passed:
        best = max(passed, key=far)
        return best.scene, {"distance": far(best), **reach}
    if failed:
        nearest = max(failed, key=lambda each: each.judgement["training"]["match"])
        return nearest.scene, {"distance": None, **reach}
    return search.scene(), {"distance": None, **reach}

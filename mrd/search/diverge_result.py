"""How far metamers of a target reach: the widest of several starts that the criterion lets pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from mrd.search.constrained import Candidate
from mrd.search.diverge import Divergence
from scenes.differences import DISTANCE
from scenes.scene import Scene

HALVINGS = 6  # of the way back from what fails, to a sixty-fourth of it


@dataclass(frozen=True)
class Judged:
    """A scene, and what `criterion.json` says of it."""

    scene: Scene
    judgement: dict[str, Any]

    @property
    def is_metamer(self) -> bool:
        """Whether it passes."""
        return bool(self.judgement["verdict"] == "metamer")

    @property
    def match(self) -> float:
        """Mean over the training cameras."""
        return float(self.judgement["training"]["match"])


def widest(
    search: Divergence,
    judge: Callable[[Scene], dict[str, Any]],
    confirm: Callable[[Scene], dict[str, Any]],
) -> tuple[Scene, dict[str, Any]]:
    """Judge the farthest place of each start; where it fails, step back until it passes.

    Of many that are judged the farthest is chosen, and with it the luckiest noise: so the choice
    is judged once more, with noise that had no part in it, and the next farthest takes its place
    where it fails.

    Parameters
    ----------
    search
        Run to its end.
    judge, confirm
        Give what `criterion.json` says of a scene, at scoring quality; each with noise of its own.

    Returns
    -------
    Scene
        The metamer that is physically farthest from the target; where none is one, the candidate
        with the highest match; where nothing was kept, where the search ended.
    dict
        The reach: ``distance`` (None where nothing passes) and its ``measure``, and ``starts``: for
        each the distance, match and verdict of the widest that passes, or of the nearest that was
        judged. A lower bound: a longer search may reach farther.
    """
    attribute = search.config.attributes[0]
    measure = DISTANCE[attribute]

    def far(each: Judged) -> float:
        return float(each.judgement["physical_difference"][attribute][measure])

    found: list[Judged] = []
    failed: list[Judged] = []
    starts: list[dict[str, Any]] = []
    for start in range(search.config.restarts):
        candidate = search.candidates().get(start)
        if candidate is None:
            starts.append({"distance": None, "match": None, "verdict": "nothing alike was kept"})
            continue
        best = _stepped_back(search, candidate, judge)
        (found if best.is_metamer else failed).append(best)
        starts.append(
            {"distance": far(best), "match": best.match, "verdict": best.judgement["verdict"]}
        )
    reach = {"measure": measure, "bound": "lower", "starts": starts}
    for best in sorted(found, key=far, reverse=True):
        if Judged(best.scene, confirm(best.scene)).is_metamer:
            return best.scene, {"distance": far(best), **reach}
    if kept := failed + found:
        return max(kept, key=lambda each: each.match).scene, {"distance": None, **reach}
    return search.scene(), {"distance": None, **reach}


def _stepped_back(
    search: Divergence, candidate: Candidate, judge: Callable[[Scene], dict[str, Any]]
) -> Judged:
    """The farthest that passes on the straight way from the target to a candidate, by halving.

    What is the target again lies too near, not too far. Where nothing passes, the candidate.
    """

    def judged(share: float) -> Judged:
        scene = search.scene_at(candidate, share)
        return Judged(scene, judge(scene))

    best = judged(1.0)
    if best.is_metamer:
        return best
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        here = judged(middle)
        if here.is_metamer:
            best = here
        if here.is_metamer or here.judgement["target_again"]:
            low = middle
        else:
            high = middle
    return best

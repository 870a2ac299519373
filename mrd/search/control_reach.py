"""The reach of a random change, with which the reach of a search is compared.

The target is changed in one random direction of the searched variables (`mrd.search.directions`).
The reach is the largest distance in that direction at which a scene meets the criterion at scoring
quality. It is found by doubling or halving, then by bisection. A scene that is physically the
target itself passes here too, since this is no claim of a metamer.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mrd.search.controls import amplitudes_at, measure_from, with_centre
from mrd.search.directions import draw_direction
from mrd.study.search_section import SearchConfig
from scenes.base.errors import InputError
from scenes.differences import DISTANCE
from scenes.scene import Scene
from scenes.visibility import check_visible

MOST_SCORED = 10  # largest number of scored scenes, each rendered at scoring quality


def control_reach(
    target: Scene,
    search: SearchConfig,
    first: float,
    score: Callable[[Scene], dict[str, Any]],
    confirm: Callable[[Scene], dict[str, Any]],
    rng: np.random.Generator,
    sampling: int,
) -> dict[str, Any]:
    """Return the largest distance in a random direction at which a scene meets the criterion.

    Parameters
    ----------
    first
        Distance of the first scene, above 0: the reach of the search.
    score, confirm
        Return the content of `criterion.json` for a scene, each with independent noise and floor,
        as for the reach of the search: a scene has to pass by both.
    rng
        Draws the direction. The generator of the control series gives the same direction as there.
    sampling
        Seed of the random points on the surfaces by which shapes are compared.

    Returns
    -------
    dict
        ``distance`` and ``match`` of the farthest scene that passes (None if none does);
        ``failed_at``: the smallest larger distance at which a scene fails. It is None if no scene
        failed, or if the direction ends before (at the end of a parameter's range, or of the view):
        the distance is then a lower bound. ``measure``: the kind of both distances; ``judged``: the
        number of scored scenes.
    """
    scene_at = scenes_along(target, search, rng, sampling)
    low, high, has_failed = 0.0, np.inf, False
    match, scored, distance = None, 0, first
    for _ in range(MOST_SCORED):
        scene = scene_at(distance)
        if scene is None:
            high, has_failed = distance, False
        else:
            scored += 1
            first_score = score(scene)
            if all(each["training"]["metamer"] for each in (first_score, confirm(scene))):
                low, match = distance, float(first_score["training"]["match"])
            else:
                high, has_failed = distance, True
        distance = 2 * low if np.isinf(high) else (low + high) / 2
    return {
        "distance": low or None,
        "match": match,
        "failed_at": high if has_failed else None,
        "measure": DISTANCE[search.attributes[0]],
        "judged": scored,
    }


def scenes_along(
    target: Scene, search: SearchConfig, rng: np.random.Generator, sampling: int
) -> Callable[[float], Scene | None]:
    """Draw a random direction of the one searched attribute, as for control scenes.

    Return a function from a distance to the scene at that distance from the target; it returns None
    if the direction does not reach the distance.
    """
    attribute = search.attributes[0]
    direction = draw_direction(attribute, target, search, rng)
    measure = measure_from(target, attribute, sampling)

    def scene_at(distance: float) -> Scene | None:
        amplitudes = amplitudes_at(lambda amplitude: measure(direction(amplitude)), [distance])
        if amplitudes is None:
            return None
        scene = target.model_copy(update={attribute: direction(amplitudes[0])})
        if attribute != "pose":
            return scene
        rotated = with_centre(scene, target, np.zeros(3))
        try:
            check_visible(rotated)
        except InputError:
            return None
        return rotated

    return scene_at

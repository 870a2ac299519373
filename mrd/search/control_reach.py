"""How far a random change of the same kind goes before a model tells: what a reach is divided by.

The control of a search moves its target along one seeded random direction of the searched
variables (`mrd.search.controls`). Its reach is the farthest place on that way which the criterion
lets pass, at scoring quality: bracketed by doubling or halving, then narrowed by bisection. That a
scene is the target again is no failure here: near the target a random change passes, and no metamer
is claimed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mrd.search.controls import centred, measure_from, reaching, way_of
from mrd.study.search_section import SearchConfig
from scenes.base.errors import InputError
from scenes.differences import DISTANCE
from scenes.scene import Scene, check_visible

JUDGED = 10  # scenes, each rendered at scoring quality


def control_reach(
    target: Scene,
    search: SearchConfig,
    near: float,
    judge: Callable[[Scene], dict[str, Any]],
    confirm: Callable[[Scene], dict[str, Any]],
    rng: np.random.Generator,
    sampling: int,
) -> dict[str, Any]:
    """Find the farthest scene along a random direction that the criterion lets pass.

    Parameters
    ----------
    target
        Loaded, in the search's representation.
    search
        Of one attribute.
    near
        Distance at which to begin, above 0: the reach of the search.
    judge, confirm
        Give what `criterion.json` says of a scene, at scoring quality; each with noise of its own,
        as for the search's reach: what passes has to by both.
    rng
        Draws the direction: given as for the control series, it is theirs.
    sampling
        Seed of the points by which shapes are compared.

    Returns
    -------
    dict
        ``distance`` and ``match`` of the farthest that passes (None where none does);
        ``failed_at``: the nearest distance beyond it that fails, or None where the direction ends
        before (at a range of a parameter, or out of view) or none failed: then the distance is a
        lower bound; ``measure`` of both; ``judged``: how many scenes were.
    """
    at = along(target, search, rng, sampling)
    low, wall, has_failed = 0.0, np.inf, False
    match, judged, wanted = None, 0, near
    for _ in range(JUDGED):
        scene = at(wanted)
        if scene is None:
            wall, has_failed = wanted, False
        else:
            judged += 1
            judgement = judge(scene)
            if all(each["training"]["metamer"] for each in (judgement, confirm(scene))):
                low, match = wanted, float(judgement["training"]["match"])
            else:
                wall, has_failed = wanted, True
        wanted = 2 * low if np.isinf(wall) else (low + wall) / 2
    return {
        "distance": low or None,
        "match": match,
        "failed_at": wall if has_failed else None,
        "measure": DISTANCE[search.attributes[0]],
        "judged": judged,
    }


def along(
    target: Scene, search: SearchConfig, rng: np.random.Generator, sampling: int
) -> Callable[[float], Scene | None]:
    """Draw a random direction of a search's variables, as its controls take.

    Parameters
    ----------
    target
        Loaded, in the search's representation.
    search
        Of one attribute.
    rng
        Draws the direction.
    sampling
        Seed of the points by which shapes are compared.

    Returns
    -------
    Callable
        Gives the scene at a distance from the target; None where the direction does not reach.
    """
    attribute = search.attributes[0]
    way = way_of(attribute, target, search, rng)
    measure = measure_from(target, attribute, sampling)

    def at(distance: float) -> Scene | None:
        amplitudes = reaching(lambda amplitude: measure(way(amplitude)), [distance])
        if amplitudes is None:
            return None
        scene = target.model_copy(update={attribute: way(amplitudes[0])})
        if attribute != "pose":
            return scene
        turned = centred(scene, target, np.zeros(3))
        try:
            check_visible(turned)
        except InputError:
            return None
        return turned

    return at

"""Where a search ended, and what it came to beside the verdict: a reach, a flip, or nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch

from mrd.criterion.null_and_ceiling import Reference, seen
from mrd.criterion.verdict import judged
from mrd.models.base import Model
from mrd.rendering.stage import Stage
from mrd.rendering.to_mitsuba import Form
from mrd.search.control_reach import along, control_reach
from mrd.search.distance_from_target import UNIT
from mrd.search.diverge import Divergence
from mrd.search.diverge_result import widest
from mrd.search.flip import Flip
from mrd.search.flip_result import Judged, classes, random_changes, smallest
from mrd.search.loop import Search
from mrd.study.study import ResolvedRun
from scenes.differences import DISTANCE, scene_difference
from scenes.scene import Scene

RANDOM_CHANGES = 5  # of the size of a flip

Pictured = Callable[[int, Scene], torch.Tensor]
"""Noise index, scene → its images at every camera, at scoring quality."""

# By the noise of index 0 the result is judged in the end: it chooses none of them.
CHOOSING, DECIDING = 1, 0


def found(
    run: ResolvedRun,
    target: Scene,
    search: Search,
    against: Reference,
    model: Model,
    form: Form,
    device: str,
) -> tuple[Scene, dict[str, Any]]:
    """Give the scene that a search found, and what `criterion.json` holds of that alone.

    Parameters
    ----------
    run
        The run.
    target
        Exposed, in the search's representation.
    search
        Run to its end.
    against
        Null, ceiling and activations of the target.
    model
        The judged one.
    form
        Of the family.
    device
        Of torch tensors.

    Returns
    -------
    Scene
        Of a search toward its target, where it ended; away from it, the widest metamer; for
        another class, the nearest that has it.
    dict
        Empty, or ``reach`` (`mrd.search.diverge_result.widest`, with its ``control``), or ``flip``
        (`mrd.search.flip_result.smallest`, with its ``cameras`` and ``random_changes``).
    """

    def pictured(index: int, scene: Scene) -> torch.Tensor:
        stage = Stage(scene, form=form, device=device)
        return seen(stage, against.views, run.search.samples.score, index)

    if isinstance(search, Divergence):
        return _reach(run, target, search, against, model, pictured)
    if isinstance(search, Flip):
        return _flip(run, target, search, against, model, pictured)
    return search.scene(), {}


def _reach(
    run: ResolvedRun,
    target: Scene,
    search: Divergence,
    against: Reference,
    model: Model,
    pictured: Pictured,
) -> tuple[Scene, dict[str, Any]]:
    def judge(index: int, scene: Scene) -> dict[str, Any]:
        return judged(run, target, scene, pictured(index, scene), against, model)

    choosing, deciding = partial(judge, CHOOSING), partial(judge, DECIDING)
    result, reach = widest(search, choosing, deciding)
    control = control_reach(
        target,
        run.search,
        reach["distance"] or UNIT[run.search.attributes[0]],
        choosing,
        deciding,
        run.generator("series/control"),
        int(run.generator("series/sampling").integers(2**31)),
    )
    return result, {"reach": reach | {"control": control}}


def _flip(
    run: ResolvedRun,
    target: Scene,
    search: Flip,
    against: Reference,
    model: Model,
    pictured: Pictured,
) -> tuple[Scene, dict[str, Any]]:
    attribute = run.search.attributes[0]

    def judge(index: int, scene: Scene) -> Judged:
        difference = scene_difference(target, scene, (attribute,), run.generator("difference"))
        rows = classes(against, model, pictured(index, scene), run.search.label)
        return Judged(scene, float(difference[attribute][DISTANCE[attribute]]), rows)

    choosing, deciding = partial(judge, CHOOSING), partial(judge, DECIDING)
    result, flip = smallest(search, run.search.restarts, choosing, deciding)
    flip |= {"label": run.search.label, "cameras": deciding(result).cameras}
    if flip["distance"] is not None:
        rng, sampling = run.generator("random changes"), run.generator("difference")
        seed = int(sampling.integers(2**31))
        ways = [along(target, run.search, rng, seed) for _ in range(RANDOM_CHANGES)]
        flip["random_changes"] = random_changes(ways, flip["distance"], deciding)
    return result, {"flip": flip}

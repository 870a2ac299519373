"""Series: which levels a family has, and where along a search or between two scenes they lie.

Level 0 is the target itself. Everything here is numbers and data: `mrd.generate.levels` makes the
scenes, `mrd.generate.images` renders them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrd.study.search_section import Attribute
from mrd.study.series_section import SeriesConfig
from scenes.base.errors import InputError, unknown
from scenes.camera import cameras
from scenes.interpolation import check_path
from scenes.lighting import Lighting
from scenes.loading import loaded_lighting
from scenes.scene import Scene

SCHEMA_VERSION = 1

# States of a search that stay on disk for its trajectory: so many to a doubling of the step.
KEPT_A_DOUBLING = 3


# Keys of a series that say where its levels lie, and nothing of how an image is made.
OF_LEVELS = ("kind", "levels", "spacing", "first")


@dataclass(frozen=True)
class ResolvedSeries:
    """A series with nothing left to look up.

    Parameters
    ----------
    config
        Its section of the study.
    lights
        By name, loaded; None stands for the target's own.
    cameras
        Names of the cameras that it is seen by.
    record
        The same as JSON, lights by their content.
    """

    config: SeriesConfig
    lights: dict[str, Lighting | None]
    cameras: tuple[str, ...]
    record: dict[str, Any]

    @property
    def record_of_family(self) -> dict[str, Any]:
        """The part of the record that the images of a family hang on: all but the levels."""
        return {key: each for key, each in self.record.items() if key not in OF_LEVELS}


def resolved_series(
    config: SeriesConfig,
    attributes: Sequence[Attribute],
    target: Scene,
    start: Scene,
    folder: Path,
) -> ResolvedSeries:
    """Resolve the series of a search on a target: lights read, cameras found, a path for the shape.

    Parameters
    ----------
    config
        The section of the study.
    attributes
        What the search changes.
    target, start
        Of the search, loaded.
    folder
        Against which paths of lights are taken.

    Raises
    ------
    InputError
        A light's file is missing, a camera does not exist, or the result will not have the
        topology that an interpolation needs.
    """
    lights = {
        name: light and loaded_lighting(light, folder)
        for name, light in config.named_lights().items()
    }
    names = chosen_cameras(config.cameras, target)
    if config.kind == "interpolation" and "shape" in attributes:
        check_path(target, start, ["shape"])
    record = config.model_dump(mode="json", exclude={"lights", "cameras"}) | {
        "schema_version": SCHEMA_VERSION,
        "lights": {name: light and light.model_dump(mode="json") for name, light in lights.items()},
        "cameras": list(names),
    }
    return ResolvedSeries(config, lights, names, record)


def chosen_cameras(asked: str | tuple[str, ...], target: Scene) -> tuple[str, ...]:
    """Names of the target's cameras that a series asks for, in the order of the rig.

    Raises
    ------
    InputError
        There is no such camera, or none at all.
    """
    rig = {camera.name: camera for camera in cameras(target.cameras)}
    if isinstance(asked, str):
        chosen = tuple(
            name
            for name, camera in rig.items()
            if asked == "all" or camera.held_out == (asked == "held_out")
        )
        if not chosen:
            raise InputError(
                f"cameras: {asked} is not allowed, for none is; known: {', '.join(rig)}"
            )
        return chosen
    for name in asked:
        if name not in rig:
            raise unknown("camera", name, rig)
    return tuple(name for name in rig if name in asked)


# ---- Interpolation ------------------------------------------------------------------------------


def fractions(config: SeriesConfig) -> NDArray[np.float64]:
    """Levels above 0 of an interpolation, growing; the last is 1, the result."""
    if config.spacing == "log":
        return np.geomspace(config.first, 1, config.levels) if config.levels > 1 else np.ones(1)
    return np.arange(1, config.levels + 1) / config.levels


# ---- Trajectory ---------------------------------------------------------------------------------


def is_kept(step: int) -> bool:
    """Tell whether the state after a step stays on disk: denser where a search moves faster.

    Kept are the start and whole steps nearest to 2^(k/3), k = 0, 1, 2 …, so a search of n steps
    keeps about 3 log₂ n states. Steps are counted from the last restart.
    """
    if step <= 0:
        return step == 0
    nearest = round(KEPT_A_DOUBLING * np.log2(step))
    return round(2 ** (nearest / KEPT_A_DOUBLING)) == step


def on_the_way(states: Sequence[int], came: int, steps: int) -> list[int]:
    """Steps of the states that the search passed on its way to the result.

    The result of a search with restarts or with early stopping is the best that it found: states
    of other starts, and those after the best, did not lead there.

    Parameters
    ----------
    states
        Steps of all that are kept, in growing order.
    came
        Step in which the search came to the result.
    steps
        Of one start. The state after the last of them stands at the next start already.

    Returns
    -------
    list of int
        In growing order, without the result.
    """
    start = (came - 1) // steps
    return [step for step in states if step // steps == start and step < came]


def joint_distances(distances: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """One number a state where several attributes move: the mean of their shares.

    Parameters
    ----------
    distances
        For each state, attribute → physical distance.

    Returns
    -------
    (states,)
        For a single attribute its distance; for several, the mean over the attributes of the
        distance ÷ its largest over all states.
    """
    table = np.array([list(each.values()) for each in distances], dtype=np.float64)
    if table.shape[1] == 1:
        return table[:, 0]
    largest = table.max(axis=0)
    return (table / np.where(largest > 0, largest, 1)).mean(axis=1)


def chosen_states(distances: ArrayLike, config: SeriesConfig) -> list[int]:
    """Choose the states of a trajectory: strictly growing distances, spaced as asked.

    Parameters
    ----------
    distances : (states,)
        Physical distances from the target: of the result first, then of ever earlier states.
    config
        How many, and how they are spaced between the result's distance and the largest.

    Returns
    -------
    list of int
        Indices of `config.levels` states: the result's (0) first, the farthest last.

    Raises
    ------
    InputError
        Fewer states than that lie ever farther from the target.
    """
    values = np.asarray(distances, dtype=np.float64)
    # Those farther than everything after them in the search.
    highest = np.maximum.accumulate(np.concatenate([[0.0], values[:-1]]))
    growing = np.flatnonzero(values > highest)
    if not len(growing) or growing[0] != 0 or len(growing) < config.levels:
        raise InputError(
            f"the search passed {len(growing)} of its {len(values)} kept states in strictly "
            f"growing physical distance from the target, and the series has {config.levels} "
            "levels; lower series.levels"
        )
    chain = values[growing]
    if config.levels == 1:
        return [0]
    space = np.geomspace if config.spacing == "log" else np.linspace
    chosen = [0]
    for k, wanted in enumerate(space(chain[0], chain[-1], config.levels)[1:], start=1):
        # The nearest that is farther than the last, and leaves enough for the levels to come.
        low, high = chosen[-1] + 1, len(chain) - (config.levels - k)
        chosen.append(low + int(np.abs(chain[low : high + 1] - wanted).argmin()))
    return [int(growing[k]) for k in chosen]

"""Series of scenes: lights, cameras, and the distances of the levels from the target.

Level 0 is the target; a family is a target with one search. `mrd.generate.levels` makes the scenes,
`mrd.generate.images` renders them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mrd.study.search_section import Attribute
from mrd.study.series_section import SeriesConfig
from scenes.aov_kinds import Kind
from scenes.base.errors import InputError, unknown
from scenes.camera import cameras
from scenes.interpolation import check_path
from scenes.lighting import Lighting
from scenes.loading import loaded_lighting
from scenes.scene import ENVIRONMENT, Scene

SCHEMA_VERSION = 1

# Number of states that are never deleted for each doubling of the number of steps.
_STATES_PER_DOUBLING = 3

# Keys of a series that choose its levels; the others determine how an image is rendered.
_LEVEL_KEYS = ("kind", "levels", "spacing", "first")


@dataclass(frozen=True)
class ResolvedSeries:
    """A series with its lights loaded (None: the light of the target) and its cameras by name.

    `record` is the same as JSON, including the content of the lights. `aovs` are rendered with the
    images.
    """

    config: SeriesConfig
    lights: dict[str, Lighting | None]
    cameras: tuple[str, ...]
    record: dict[str, Any]
    aovs: tuple[Kind, ...] = ()

    @property
    def record_of_family(self) -> dict[str, Any]:
        """The part of the record that determines the images of a family: all but the levels."""
        return {key: each for key, each in self.record.items() if key not in _LEVEL_KEYS}


def resolved_series(
    config: SeriesConfig,
    attributes: Sequence[Attribute],
    target: Scene,
    start: Scene,
    folder: Path,
    aovs: tuple[Kind, ...] = (),
) -> ResolvedSeries:
    """Return the series of a search on a target, with its lights loaded and its cameras chosen.

    Raises `InputError` if a light's file is missing, a camera does not exist, or the start shape
    does not have the topology that an interpolation needs.
    """
    lights = {
        name: light and loaded_lighting(light, folder)
        for name, light in config.named_lights().items()
    }
    names = chosen_cameras(config.cameras, target)
    if config.kind == "interpolation" and "shape" in attributes:
        check_path(target, start, ["shape"])
    if target.light != ENVIRONMENT and any(lights.values()):
        raise InputError(
            f"lights: the search changes lamp '{target.light}', so a series has the lights of the "
            "target; use lights: [own]"
        )
    record = config.model_dump(mode="json", exclude={"lights", "cameras"}) | {
        "schema_version": SCHEMA_VERSION,
        "lights": {name: light and light.model_dump(mode="json") for name, light in lights.items()},
        "cameras": list(names),
    }
    record |= {"aovs": list(aovs)} if aovs else {}
    return ResolvedSeries(config, lights, names, record, aovs)


def chosen_cameras(choice: str | tuple[str, ...], target: Scene) -> tuple[str, ...]:
    """Return the names of a series' cameras (`choice`: as in the study), in the target's order."""
    rig = {camera.name: camera for camera in cameras(target.cameras)}
    if isinstance(choice, str):
        chosen = tuple(
            name
            for name, camera in rig.items()
            if choice == "all" or camera.held_out == (choice == "held_out")
        )
        if not chosen:
            raise InputError(
                f"cameras: {choice} is not allowed: the target has no such camera; "
                f"known: {', '.join(rig)}"
            )
        return chosen
    for name in choice:
        if name not in rig:
            raise unknown("camera", name, rig)
    return tuple(name for name in rig if name in choice)


def fractions(config: SeriesConfig) -> NDArray[np.float64]:
    """Return the positions of levels 1, 2, … on the way from target (0) to result (1)."""
    if config.spacing == "log":
        return np.geomspace(config.first, 1, config.levels) if config.levels > 1 else np.ones(1)
    return np.arange(1, config.levels + 1) / config.levels


def is_kept(step: int) -> bool:
    """Return whether the state after `step`, counted from the last restart, is never deleted.

    Such states are the start and the whole steps nearest to 2^(k/3), k = 0, 1, 2, …: of n steps
    about 3 log₂ n, most of them at the beginning, where the search moves fastest.
    """
    if step <= 0:
        return step == 0
    nearest = round(_STATES_PER_DOUBLING * np.log2(step))
    return round(2 ** (nearest / _STATES_PER_DOUBLING)) == step


def on_the_way(states: Sequence[int], result_step: int, steps: int) -> list[int]:
    """Return which steps in `states` led to the result, the state after `result_step`.

    With restarts or early stopping, the result is the best state of the whole search: other starts
    of `steps` steps, and states after the best, did not lead to it. The state after the last step
    of a start is already the next start.
    """
    start = (result_step - 1) // steps
    return [step for step in states if step // steps == start and step < result_step]


def joint_distances(distances: Sequence[Mapping[str, float]]) -> NDArray[np.float64]:
    """Return one distance per state, (states,), from its distances by attribute.

    For a single attribute, that is its distance. For several, it is the mean over the attributes of
    distance ÷ largest distance of that attribute over all states.
    """
    table = np.array([list(each.values()) for each in distances], dtype=np.float64)
    if table.shape[1] == 1:
        return table[:, 0]
    largest = table.max(axis=0)
    return (table / np.where(largest > 0, largest, 1)).mean(axis=1)


def chosen_states(distances: ArrayLike, config: SeriesConfig) -> list[int]:
    """Return the indices of `config.levels` states with strictly growing distances.

    `distances` (states,) are from the target, and go backward in time from the result. The first
    returned index is 0, the result; the last is that of the farthest state. Raises `InputError` if
    the distances grow too rarely for so many levels.
    """
    values = np.asarray(distances, dtype=np.float64)
    # Keep the states that are farther from the target than all later states of the search.
    highest = np.maximum.accumulate(np.concatenate([[0.0], values[:-1]]))
    growing = np.flatnonzero(values > highest)
    if not len(growing) or growing[0] != 0 or len(growing) < config.levels:
        raise InputError(
            f"only {len(growing)} of the search's {len(values)} saved states are in strictly "
            f"growing physical distance from the target, and the series has {config.levels} "
            "levels; lower series.levels"
        )
    farther = values[growing]
    if config.levels == 1:
        return [0]
    space = np.geomspace if config.spacing == "log" else np.linspace
    chosen = [0]
    for k, wanted in enumerate(space(farther[0], farther[-1], config.levels)[1:], start=1):
        # The state nearest to the wanted distance, after the last one, with enough left beyond it.
        low, high = chosen[-1] + 1, len(farther) - (config.levels - k)
        chosen.append(low + int(np.abs(farther[low : high + 1] - wanted).argmin()))
    return [int(growing[k]) for k in chosen]

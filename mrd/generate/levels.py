"""Scenes of a family (target, re-render, nulls) and of a run (series, result, controls).

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mrd.criterion.null_scenes import null_scenes
from mrd.generate.one_run import prepared
from mrd.rendering.stage import exposed, with_film
from mrd.search.controls import control_scenes, measure_from
from mrd.search.moving_scene import mesh_in
from mrd.search.variables.build import build_variables
from mrd.study.checkpoint import DamagedStateError, SearchState, read_state
from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from mrd.study.search_section import SearchConfig
from mrd.study.series import chosen_states, fractions, joint_distances, on_the_way
from mrd.study.series_section import SeriesConfig
from mrd.study.storage import read_mapping, write_json
from mrd.study.stored_scenes import LEVELS_FILE, SCENES_FOLDER
from scenes.base.errors import InputError
from scenes.base.inside_folder import inside
from scenes.differences import shift
from scenes.interpolation import between
from scenes.lighting import Lighting
from scenes.scene import Scene
from scenes.scene_files import read_scene, write_shared_scene
from stimuli.intake import Role

VERSION = 3  # raise when the same run would get different levels


@dataclass(frozen=True)
class Level:
    """A scene to render, under the target's own light: target, null, control or series level.

    `index` counts from 0 within the series or the nulls; `level` is 0 for the target and None for
    nulls. `distances` maps each searched attribute to its physical distance from the target, and
    `translation` is in scene units. `step` is the step of the search that the
    scene is from, in a trajectory series only.
    """

    role: Role
    index: int
    level: float | None
    scene: Scene
    distances: dict[str, float]
    translation: float = 0.0
    step: int | None = None

    @property
    def folder(self) -> str:
        """Name of the folder of its images."""
        return self.role if self.role in ("target", "rerender") else f"{self.role}-{self.index:03d}"


def family_levels(run: ResolvedRun, target: Scene) -> list[Level]:
    """Return the target, its re-render at level 0, and the null scenes of a run's family."""
    none = dict.fromkeys(map(str, run.search.attributes), 0.0)
    seed = run.record["seeds"]["study"]
    return [
        Level("target", 0, 0.0, target, none),
        Level("rerender", 0, 0.0, target, none),
        *(
            Level("null", number, None, scene, {})
            for number, scene in enumerate(null_scenes(target, run.search, seed))
        ),
    ]


def run_levels(run: ResolvedRun, directory: RunDirectory, config: SeriesConfig) -> list[Level]:
    """Return the levels above 0 of a finished run: its series with the result, and the controls.

    The levels are stored in ``series/levels.json``. A pixel search has no controls. Raise if the
    series is not possible, or a scene is damaged.
    """
    folder = directory.path / "series"
    key = {
        "version": VERSION,
        "kind": config.kind,
        "levels": config.levels,
        "spacing": config.spacing,
        "first": config.first if config.kind == "interpolation" else None,
        "judgement": directory.read_json("criterion.json")["result"],
    }
    if (known := _read_levels(folder, key)) is not None:
        return known
    target, result = (
        read_scene(directory.path / name / "scene.json") for name in ("target", "result")
    )
    sampling = int(run.generator("series/sampling").integers(2**31))
    if config.kind == "interpolation":
        series = _interpolated(run, target, result, config, sampling)
    else:
        series = _along_the_search(run, directory, target, result, config, sampling)
    controls_too = [] if run.spec.is_pixel_search else _controls(run, target, series, sampling)
    _write_levels(folder, key, [*series, *controls_too])
    return [*series, *controls_too]


def _interpolated(
    run: ResolvedRun, target: Scene, result: Scene, config: SeriesConfig, sampling: int
) -> list[Level]:
    """Return scenes between target and result; the last one is the result."""
    attributes = run.search.attributes
    return [
        Level(
            role=_role(run, is_result=bool(t == 1)),
            index=index,
            level=float(t),
            scene=(scene := between(target, result, float(t), attributes)),
            distances=_distances(target, scene, run.search, sampling),
            translation=shift(target, scene),
        )
        for index, t in enumerate(fractions(config), start=1)
    ]


def _along_the_search(
    run: ResolvedRun,
    directory: RunDirectory,
    target: Scene,
    result: Scene,
    config: SeriesConfig,
    sampling: int,
) -> list[Level]:
    """Return the result, then earlier states of the search, each farther from the target."""
    start = read_scene(directory.path / "start" / "scene.json")
    states = _states(directory)
    last = max(states)
    best = states[last].header.get("best_step")  # None: the last step is the best
    result_step = last if best is None else int(best)
    path = [(result_step, result)] + [
        (step, scene_of_state(start, run.search, states[step]))
        for step in reversed(on_the_way(sorted(states), result_step, run.search.steps))
    ]
    distances = [_distances(target, scene, run.search, sampling) for _, scene in path]
    joint = joint_distances(distances)
    chosen = chosen_states(joint, config)
    return [
        Level(
            role=_role(run, is_result=k == 0),
            index=index,
            level=float(joint[k] / joint[chosen[-1]]),
            scene=path[k][1],
            distances=distances[k],
            translation=shift(target, path[k][1]),
            step=path[k][0],
        )
        for index, k in enumerate(chosen, start=1)
    ]


def _states(directory: RunDirectory) -> dict[int, SearchState]:
    """Return the states of a search by step; raise if one is damaged."""
    states = {}
    for step in directory.state_steps():
        path = directory.state_path(step)
        try:
            states[step] = read_state(path)
        except DamagedStateError as error:
            raise InputError(
                f"{path} is damaged: {error}; remove it (the trajectory does without it), or "
                "remove the whole run to search again"
            ) from error
    return states


@torch.no_grad()
def scene_of_state(start: Scene, search: SearchConfig, state: SearchState) -> Scene:
    """Return the scene of a saved state of a search from `start`."""
    scene = start
    for variables in build_variables(start, search, mesh=mesh_in(state.arrays)):
        for name, tensor in variables.tensors.items():
            tensor.copy_(torch.as_tensor(state.arrays[f"{variables.attribute}.{name}"]))
        scene = variables.apply_to(scene)
    return scene


def _controls(
    run: ResolvedRun, target: Scene, series: Sequence[Level], sampling: int
) -> list[Level]:
    """Return random changes of the target, one at the same distance as each level of the series."""
    scenes = control_scenes(
        target,
        run.search,
        [each.distances for each in series],
        [each.translation for each in series],
        run.generator("series/control"),
        sampling,
    )
    return [
        Level(
            role="control",
            index=matched.index,
            level=matched.level,
            scene=scene,
            distances=_distances(target, scene, run.search, sampling),
            translation=shift(target, scene),
        )
        for matched, scene in zip(series, scenes, strict=True)
    ]


def _role(run: ResolvedRun, is_result: bool) -> Role:
    """Return the role of a level above 0 in the table of images."""
    if run.spec.is_pixel_search:
        return "pixel"
    return "result" if is_result else "series"


def _distances(
    target: Scene, other: Scene, search: SearchConfig, sampling: int
) -> dict[str, float]:
    """Return the physical distance of a scene from the target, by searched attribute."""
    return {
        attribute: measure_from(target, attribute, sampling)(getattr(other, attribute))
        for attribute in search.attributes
    }


# ---- Light --------------------------------------------------------------------------------------


def lit_targets(run: ResolvedRun, target: Scene | None = None) -> dict[str, Scene]:
    """Return the represented target under every light of its series, by the name of the light.

    Light and exposure are the same for the whole family. `target` is the represented and exposed
    target of the search; by default it is prepared again.
    """
    if run.series is None:
        return {}
    own = target or prepared(run)[0]
    return {name: _under(light, own, run) for name, light in run.series.lights.items()}


def _under(light: Lighting | None, own: Scene, run: ResolvedRun) -> Scene:
    """Return the target under another light, exposed for that light; unchanged if None."""
    if light is None:
        return own
    # The study's own target is exposed, so that every search of it gets the same exposure.
    seen = exposed(run.target.model_copy(update={"lighting": light}))
    lit = own.model_copy(update={"lighting": light})
    return with_film(lit, exposure=seen.film.exposure)


def relit(scene: Scene, like: Scene) -> Scene:
    """Return a scene of the family with the light and exposure of a target from `lit_targets`."""
    lit = scene.model_copy(update={"lighting": like.lighting})
    return with_film(lit, exposure=like.film.exposure)


# ---- On disk ------------------------------------------------------------------------------------


def _write_levels(folder: Path, key: dict[str, Any], levels: Sequence[Level]) -> None:
    """Write the levels and the inputs that determine them (`key`)."""
    rows = [
        {
            "role": each.role,
            "index": each.index,
            "level": each.level,
            "scene": write_shared_scene(each.scene, folder / SCENES_FOLDER).name,
            "distances": each.distances,
            "translation": each.translation,
            "step": each.step,
        }
        for each in levels
    ]
    write_json(folder / LEVELS_FILE, {"key": key, "levels": rows})


def _read_levels(folder: Path, key: dict[str, Any]) -> list[Level] | None:
    """Return the stored levels; None if they are damaged or were made from other inputs."""
    content = read_mapping(folder / LEVELS_FILE)
    if content is None or content.get("key") != key:
        return None
    try:
        return [
            Level(
                **{name: value for name, value in row.items() if name != "scene"},
                scene=read_scene(
                    inside(folder / SCENES_FOLDER, row["scene"], folder / LEVELS_FILE)
                ),
            )
            for row in content["levels"]
        ]
    except (ValueError, KeyError, TypeError, InputError):
        return None

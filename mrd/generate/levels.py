"""The scenes of a family: target, re-renders and nulls; series, result and controls of a run.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import json
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
from mrd.study.checkpoint import DamagedStateError, State, read_state
from mrd.study.json_files import write_json
from mrd.study.run_directory import RunDirectory
from mrd.study.search_section import SearchConfig
from mrd.study.series import chosen_states, fractions, joint_distances, on_the_way
from mrd.study.series_section import SeriesConfig
from mrd.study.study import ResolvedRun
from scenes.base.errors import InputError
from scenes.base.inside_folder import inside
from scenes.differences import shift
from scenes.interpolation import between
from scenes.lighting import Lighting
from scenes.scene import Scene, read_scene, write_shared_scene
from stimuli.intake import Role

LEVELS_FILE = "levels.json"
SCENES_FOLDER = "scenes"
VERSION = 3  # raise when the same run would have other levels


@dataclass(frozen=True)
class Level:
    """A scene and its place in the family, under the target's own light.

    Attributes
    ----------
    role
        What its images are for.
    index
        Ordinal in its series, from 0; of a null scene, its number.
    level
        0 for the target; None for null scenes.
    scene
        Loaded, represented, exposed.
    distances
        Searched attribute → physical distance from the target; empty for null scenes.
    translation
        How far the object is moved, scene units.
    step
        Of the search, along a trajectory.
    """

    role: Role
    index: int
    level: float | None
    scene: Scene
    distances: dict[str, float]
    translation: float = 0.0
    step: int | None = None


def family_levels(run: ResolvedRun, target: Scene) -> list[Level]:
    """Target, level 0 (the target once more) and null scenes of a run's family."""
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
    """Levels above 0 of a finished run: its series with the result, and the control's.

    They are made once and kept in ``series/levels.json``. A pixel search has its series alone.

    Raises
    ------
    InputError
        The series is not possible: no way between the scenes, too few states farther and farther
        from the target, distances that no control reaches; or a scene is damaged.
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
    if (kept := _kept(folder, key)) is not None:
        return kept
    target, result = (
        read_scene(directory.path / name / "scene.json") for name in ("target", "result")
    )
    sampling = int(run.generator("series/sampling").integers(2**31))
    make = _interpolated if config.kind == "interpolation" else _along_the_search
    series = make(run, directory, target, result, config, sampling)
    made = list(series)
    if not run.spec.is_pixel_search:
        made += _control(run, target, series, sampling)
    _keep(folder, key, made)
    return made


def _interpolated(
    run: ResolvedRun,
    directory: RunDirectory,  # noqa: ARG001  a trajectory needs it
    target: Scene,
    result: Scene,
    config: SeriesConfig,
    sampling: int,
) -> list[Level]:
    """Scenes on the way from the target to the result; the last is the result itself."""
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
    """The result, then earlier states of the search, each farther from the target."""
    start = read_scene(directory.path / "start" / "scene.json")
    states = _states(directory)
    last = max(states)
    best = states[last].header.get("best_step")  # None: the last step is the best
    came = last if best is None else int(best)
    passed = [(came, result)] + [
        (step, scene_of_state(start, run.search, states[step]))
        for step in reversed(on_the_way(sorted(states), came, run.search.steps))
    ]
    distances = [_distances(target, scene, run.search, sampling) for _, scene in passed]
    joint = joint_distances(distances)
    chosen = chosen_states(joint, config)
    return [
        Level(
            role=_role(run, is_result=k == 0),
            index=index,
            level=float(joint[k] / joint[chosen[-1]]),
            scene=passed[k][1],
            distances=distances[k],
            translation=shift(target, passed[k][1]),
            step=passed[k][0],
        )
        for index, k in enumerate(chosen, start=1)
    ]


def _states(directory: RunDirectory) -> dict[int, State]:
    """States of a search by step.

    Raises
    ------
    InputError
        One of them is damaged.
    """
    states = {}
    for step in directory.state_steps():
        path = directory.state_path(step)
        try:
            states[step] = read_state(path)
        except DamagedStateError as error:
            raise InputError(
                f"{path} is damaged: {error}; remove it (the trajectory then does without), or "
                "the whole run to search anew"
            ) from error
    return states


@torch.no_grad()
def scene_of_state(start: Scene, search: SearchConfig, state: State) -> Scene:
    """The scene that a search from `start` stood at when it saved a state."""
    scene = start
    for variables in build_variables(start, search, mesh=mesh_in(state.arrays)):
        for name, tensor in variables.tensors.items():
            tensor.copy_(torch.as_tensor(state.arrays[f"{variables.attribute}.{name}"]))
        scene = variables.apply_to(scene)
    return scene


def _control(
    run: ResolvedRun, target: Scene, series: Sequence[Level], sampling: int
) -> list[Level]:
    """The target moved at random, as far as each level of the series lies from it."""
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
    if run.spec.is_pixel_search:
        return "pixel"
    return "result" if is_result else "series"


def _distances(
    target: Scene, other: Scene, search: SearchConfig, sampling: int
) -> dict[str, float]:
    return {
        attribute: measure_from(target, attribute, sampling)(getattr(other, attribute))
        for attribute in search.attributes
    }


# ---- Light --------------------------------------------------------------------------------------


def lit_targets(run: ResolvedRun, target: Scene | None = None) -> dict[str, Scene]:
    """The represented target under every light of its series, each with its own exposure.

    Parameters
    ----------
    run
        With a series.
    target
        As the search represented and exposed it; found anew where it is not given.

    Returns
    -------
    dict
        Name of the light → scene. What it holds of light and exposure goes for the whole family.
    """
    if run.series is None:
        return {}
    own = target or prepared(run)[0]
    return {name: _under(light, own, run) for name, light in run.series.lights.items()}


def _under(light: Lighting | None, own: Scene, run: ResolvedRun) -> Scene:
    if light is None:
        return own
    # Exposed as the target came from the study, so that every search of it finds the same.
    seen = exposed(run.target.model_copy(update={"lighting": light}))
    lit = own.model_copy(update={"lighting": light})
    return with_film(lit, exposure=seen.film.exposure)


def relit(scene: Scene, like: Scene) -> Scene:
    """A scene of the family under the light and with the exposure of a lit target."""
    lit = scene.model_copy(update={"lighting": like.lighting})
    return with_film(lit, exposure=like.film.exposure)


# ---- On disk ------------------------------------------------------------------------------------


def _keep(folder: Path, key: dict[str, Any], levels: Sequence[Level]) -> None:
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


def _kept(folder: Path, key: dict[str, Any]) -> list[Level] | None:
    """Levels that were made before, if they are those asked for and whole."""
    try:
        content = json.loads((folder / LEVELS_FILE).read_text(encoding="utf-8"))
        if content["key"] != key:
            return None
        return [
            Level(
                **{name: value for name, value in row.items() if name != "scene"},
                scene=read_scene(
                    inside(folder / SCENES_FOLDER, row["scene"], folder / LEVELS_FILE)
                ),
            )
            for row in content["levels"]
        ]
    except (OSError, ValueError, KeyError, TypeError, InputError):
        return None

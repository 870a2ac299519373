"""Control scenes: the target, changed in a random direction, at the distance of a result.

They do not depend on a model. For each attribute separately, the amplitude of the change is chosen
so that the physical distance (`scenes.differences`) is the wanted one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from scipy.optimize import brentq

from mrd.search.directions import Array, draw_direction, random_unit
from mrd.study.search_section import SearchConfig
from scenes.base.errors import InputError
from scenes.differences import (
    DISTANCE,
    centre_of,
    chamfer,
    lighting_difference,
    material_difference,
    pose_difference,
)
from scenes.lamps import LAMPS
from scenes.scene import Scene
from scenes.shape import bounding_sphere, geometry
from scenes.visibility import check_visible, is_behind

TOLERANCE = 0.002  # largest relative error of a distance; the documentation allows 1 %
MOST_STEPS = 60  # of the search for an amplitude
MOST_DIRECTIONS = 20  # random directions that are attempted


def control_scenes(
    target: Scene,
    search: SearchConfig,
    wanted: Sequence[Mapping[str, float]],
    translations: Sequence[float],
    rng: np.random.Generator,
    sampling: int,
    samples: int = 20_000,
) -> list[Scene]:
    """Return scenes along one random direction, at the `wanted` distances from the target.

    Parameters
    ----------
    wanted
        For each scene, attribute → physical distance (`scenes.differences.DISTANCE`).
    translations
        For each scene, the length of the shift of the object's centre, scene units; used only if
        the pose is searched.
    sampling, samples
        Seed and number of the random points on the surfaces by which shapes are compared.

    Raises
    ------
    InputError
        None of `MOST_DIRECTIONS` directions reaches the distances within the ranges of the
        material, or keeps the object in view of every camera.
    """
    changes: list[dict[str, Any]] = [{} for _ in wanted]
    for attribute in search.attributes:
        measure = measure_from(target, attribute, sampling, samples)
        distances = [each[attribute] for each in wanted]
        for _ in range(MOST_DIRECTIONS):
            direction = draw_direction(attribute, target, search, rng)
            amplitudes = amplitudes_at(_composed(measure, direction), distances)
            if amplitudes is not None and not _lamp_is_behind(target, direction(max(amplitudes))):
                break
        else:
            raise InputError(
                f"control: no random direction of {attribute} reaches {DISTANCE[attribute]} "
                f"{max(distances):.3g} within its range ({MOST_DIRECTIONS} directions were drawn); "
                "the result is farther from the target than the searched parameters allow"
            )
        for change, amplitude in zip(changes, amplitudes, strict=True):
            change[attribute] = direction(amplitude)
    scenes = [target.model_copy(update=change) for change in changes]
    if "pose" in search.attributes:
        return _shifted(target, scenes, translations, rng)
    return scenes


def _lamp_is_behind(target: Scene, value: Any) -> bool:
    """Return whether a value of the lighting is a lamp behind another object."""
    if not isinstance(value, LAMPS) or value.kind == "sun":
        return False
    return is_behind(target, np.array(value.place))


def _shifted(
    target: Scene, rotated: Sequence[Scene], lengths: Sequence[float], rng: np.random.Generator
) -> list[Scene]:
    """Shift the objects of scenes by `lengths`, in one random direction that keeps them in view."""
    problem = ""
    for _ in range(MOST_DIRECTIONS):
        unit = random_unit(rng)
        moved = [
            with_centre(scene, target, length * unit)
            for scene, length in zip(rotated, lengths, strict=True)
        ]
        try:
            for scene in moved:
                check_visible(scene)
        except InputError as error:
            problem = str(error)
        else:
            return moved
    raise InputError(
        f"control: no random direction of pose keeps the object in view when it is moved "
        f"{max(lengths):.3g} ({MOST_DIRECTIONS} directions were drawn): {problem}"
    )


def with_centre(scene: Scene, target: Scene, offset: Array) -> Scene:
    """Return the scene, with the object's centre at that of the target plus `offset` (3,)."""
    centre = bounding_sphere(geometry(target.shape))[0]
    own = target.pose.matrix()
    place = own[:3, :3] @ centre + own[:3, 3] + offset
    x, y, z = (float(each) for each in place - scene.pose.matrix()[:3, :3] @ centre)
    pose = scene.pose.model_copy(update={"translation": (x, y, z)})
    return scene.model_copy(update={"pose": pose})


def amplitudes_at(
    distance: Callable[[float], float], wanted: Sequence[float]
) -> list[float] | None:
    """Return the amplitudes at which `distance` has the wanted values ≥ 0, within `TOLERANCE`.

    The distance is continuous in the amplitude, and 0 at amplitude 0, but need not grow everywhere.
    The result is None if the distance does not reach the largest value.
    """
    known = [(0.0, 0.0)]
    amplitude = 1.0
    for _ in range(MOST_STEPS):  # double the amplitude until the largest value is bracketed
        reached = distance(amplitude)
        known.append((amplitude, reached))
        if reached >= max(wanted):
            break
        if len(known) > 3 and reached <= known[-3][1]:
            return None
        amplitude *= 2
    else:
        return None
    amplitudes = [_amplitude_at(distance, each, known) for each in wanted]
    return None if None in amplitudes else [each for each in amplitudes if each is not None]


def _amplitude_at(
    distance: Callable[[float], float], wanted: float, known: list[tuple[float, float]]
) -> float | None:
    """Return the amplitude at which the distance is `wanted`; `known` are (amplitude, distance).

    New pairs are added to `known`. None if the root finder does not converge.
    """
    if wanted == 0:
        return 0.0
    known.sort()
    high = next(k for k, (_, reached) in enumerate(known) if reached >= wanted)
    measured = dict(known)

    def error(amplitude: float) -> float:
        if amplitude not in measured:
            measured[amplitude] = distance(amplitude)
            known.append((amplitude, measured[amplitude]))
        difference = measured[amplitude] - wanted
        # Returning exactly 0 within the tolerance ends the root finder.
        return 0.0 if abs(difference) <= TOLERANCE * wanted else difference

    low, top = known[high - 1][0], known[high][0]
    root = brentq(error, low, top, xtol=1e-300, maxiter=MOST_STEPS, disp=False)
    return float(root) if error(root) == 0 else None


def _composed(
    measure: Callable[[Any], float], direction: Callable[[float], Any]
) -> Callable[[float], float]:
    return lambda amplitude: measure(direction(amplitude))


def measure_from(
    target: Scene, attribute: str, sampling: int, samples: int = 20_000
) -> Callable[[Any], float]:
    """Return the function from a value of an attribute to its distance from that of the target.

    The distance is the one that `scenes.differences.DISTANCE` names. Shapes are compared by the
    same random points in every call (`sampling`, `samples`), so that the distance is continuous.
    """
    figure = DISTANCE[attribute]
    if attribute == "shape":
        own = geometry(target.shape)
        return lambda shape: chamfer(own, geometry(shape), np.random.default_rng(sampling), samples)
    differences: dict[str, Callable[[Any], dict[str, float]]] = {
        "material": lambda other: material_difference(target.material, other),
        "lighting": lambda other: lighting_difference(target.lighting, other, centre_of(target)),
        "pose": lambda other: pose_difference(target.pose, other),
    }
    return lambda other: differences[attribute](other)[figure]

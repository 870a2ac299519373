"""Translation of lamps into Mitsuba.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from typing import Any

import mitsuba as mi
import numpy as np

from scenes.lamps import STRENGTH, DiscLamp, Lamp, PointLamp, RectangleLamp, SphereLamp, SpotLamp

# Mitsuba's names of a lamp's strength, within the lamp.
STRENGTH_KEYS = {
    "rectangle": "emitter.radiance.value",
    "disc": "emitter.radiance.value",
    "sphere": "emitter.radiance.value",
    "point": "intensity.value",
    "spot": "intensity.value",
    "sun": "irradiance.value",
}
UPRIGHT = 0.999  # cosine to the vertical above which +y cannot be a lamp's up direction


def emitter(lamp: Lamp) -> dict[str, Any]:
    """Return the Mitsuba dictionary of a lamp; its strength is multiplied by its level."""
    strength = [float(lamp.level * each) for each in getattr(lamp, STRENGTH[lamp.kind])]
    color = {"type": "rgb", "value": strength}
    match lamp:
        case RectangleLamp():
            return _emitting("rectangle", color, placement(lamp))
        case DiscLamp():
            return _emitting("disk", color, placement(lamp))
        case SphereLamp():
            return _emitting("sphere", color, placement(lamp))
        case PointLamp():
            return {"type": "point", "position": list(lamp.place), "intensity": color}
        case SpotLamp():
            return {
                "type": "spot",
                "to_world": placement(lamp),
                "cutoff_angle": lamp.angle,
                "beam_width": 0.75 * lamp.angle,
                "intensity": color,
            }
    return {"type": "directional", "to_world": placement(lamp), "irradiance": color}


def placement(lamp: Lamp) -> Any:
    """Return the transform that puts a lamp at its place, in its size, its +z axis ahead."""
    scale = mi.ScalarTransform4f().scale
    match lamp:
        case RectangleLamp():
            width, height = lamp.size
            return _facing(lamp.place, lamp.toward) @ scale([width / 2, height / 2, 1])
        case DiscLamp():
            return _facing(lamp.place, lamp.toward) @ scale([lamp.radius, lamp.radius, 1])
        case SphereLamp():
            return mi.ScalarTransform4f().translate(list(lamp.place)).scale(lamp.radius)
        case SpotLamp():
            return _facing(lamp.place, lamp.toward)
        case PointLamp():
            return mi.ScalarTransform4f().translate(list(lamp.place))
    return _facing([0.0, 0.0, 0.0], -lamp.direction())


def placement_key(lamp: Lamp) -> str:
    """Return Mitsuba's name of a lamp's place, within the lamp."""
    return "position" if isinstance(lamp, PointLamp) else "to_world"


def _emitting(shape: str, radiance: dict[str, Any], to_world: Any) -> dict[str, Any]:
    """Return the dictionary of a shape that emits light, and reflects none."""
    return {
        "type": shape,
        "to_world": to_world,
        "silhouette_sampling_weight": 0.0,
        "bsdf": {"type": "diffuse", "reflectance": 0.0},
        "emitter": {"type": "area", "radiance": radiance},
    }


def _facing(place: Any, toward: Any) -> Any:
    """Return the transform to a place, with +z toward a point."""
    ahead = np.subtract(toward, place)
    steep = abs(ahead[1]) > UPRIGHT * np.linalg.norm(ahead)
    up = [0.0, 0.0, 1.0] if steep else [0.0, 1.0, 0.0]
    return mi.ScalarTransform4f().look_at(
        origin=[float(each) for each in place], target=[float(each) for each in toward], up=up
    )

"""Translation of lamps into Mitsuba.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from typing import Any

import mitsuba as mi
import numpy as np

from scenes.lamps import STRENGTH, DiscLamp, Lamp, PointLamp, RectangleLamp, SphereLamp, SpotLamp

UPRIGHT = 0.999  # cosine to the vertical above which +y cannot be a lamp's up direction


def emitter(lamp: Lamp) -> dict[str, Any]:
    """Return the Mitsuba dictionary of a lamp; its strength is multiplied by its level."""
    strength = [float(lamp.level * each) for each in getattr(lamp, STRENGTH[lamp.kind])]
    color = {"type": "rgb", "value": strength}
    match lamp:
        case RectangleLamp():
            width, height = lamp.size
            sides = mi.ScalarTransform4f().scale([width / 2, height / 2, 1])
            return _emitting("rectangle", color, _facing(lamp) @ sides)
        case DiscLamp():
            sides = mi.ScalarTransform4f().scale([lamp.radius, lamp.radius, 1])
            return _emitting("disk", color, _facing(lamp) @ sides)
        case SphereLamp():
            at = mi.ScalarTransform4f().translate(list(lamp.place)).scale(lamp.radius)
            return _emitting("sphere", color, at)
        case PointLamp():
            return {"type": "point", "position": list(lamp.place), "intensity": color}
        case SpotLamp():
            return {
                "type": "spot",
                "to_world": _facing(lamp),
                "cutoff_angle": lamp.angle,
                "beam_width": 0.75 * lamp.angle,
                "intensity": color,
            }
    return {
        "type": "directional",
        "direction": [-float(each) for each in lamp.direction()],
        "irradiance": color,
    }


def _emitting(shape: str, radiance: dict[str, Any], to_world: Any) -> dict[str, Any]:
    """Return the dictionary of a shape that emits light, and reflects none."""
    return {
        "type": shape,
        "to_world": to_world,
        "silhouette_sampling_weight": 0.0,
        "bsdf": {"type": "diffuse", "reflectance": 0.0},
        "emitter": {"type": "area", "radiance": radiance},
    }


def _facing(lamp: RectangleLamp | DiscLamp | SpotLamp) -> Any:
    """Return the transform that puts a lamp at its place, its +z axis toward its point."""
    ahead = np.subtract(lamp.toward, lamp.place)
    steep = abs(ahead[1]) > UPRIGHT * np.linalg.norm(ahead)
    up = [0.0, 0.0, 1.0] if steep else [0.0, 1.0, 0.0]
    return mi.ScalarTransform4f().look_at(origin=list(lamp.place), target=list(lamp.toward), up=up)

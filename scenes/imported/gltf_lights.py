"""Lights of glTF files: the extension KHR_lights_punctual.

glTF has photometric units: candela (points, spots) and lux (directional lights). A scene has
radiometric ones, up to a factor that all lights share. Both are proportional for light of one
spectrum; the values are divided by 683 lm/W, as Blender and other exporters multiply by it.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.imported.draft import LampDraft
from scenes.imported.report import Report

EXTENSION = "KHR_lights_punctual"
LUMENS_PER_WATT = 683.0
BEAM = 0.75  # of a spot's cone: where the light of our spots begins to fall


def lamp_of(
    light: dict[str, Any], name: str, matrix: NDArray[np.float64], report: Report
) -> LampDraft | None:
    """Return the lamp of a node with this world matrix; None for kinds that are not read."""
    strength = float(light.get("intensity", 1.0)) / LUMENS_PER_WATT
    color = [strength * float(each) for each in light.get("color", (1.0, 1.0, 1.0))]
    place = matrix[:3, 3]
    backward = matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
    if "range" in light:
        report.lost(f"light '{name}': its range, {light['range']:g}")
    match light.get("type"):
        case "point":
            return LampDraft(name, {"kind": "point", "place": place, "intensity": color})
        case "spot":
            return LampDraft(
                name,
                {
                    "kind": "spot",
                    "place": place,
                    "toward": place - backward,
                    "angle": _cone(light.get("spot", {}), name, report),
                    "intensity": color,
                },
            )
        case "directional":
            return LampDraft(name, {"kind": "sun", "toward": backward, "irradiance": color})
    report.lost(f"light '{name}': its kind, {light.get('type')}")
    return None


def _cone(spot: dict[str, Any], name: str, report: Report) -> float:
    """Return half of the opening angle of a spot in degrees; report another falloff."""
    inner = float(np.degrees(spot.get("innerConeAngle", 0.0)))
    outer = float(np.degrees(spot.get("outerConeAngle", np.pi / 4)))
    if abs(inner - BEAM * outer) > 0.01 * outer:
        report.note(
            f"light '{name}': its intensity falls from {BEAM * outer:.3g}° to {outer:.3g}°, not "
            f"from {inner:.3g}°"
        )
    return outer

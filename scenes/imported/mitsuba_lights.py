"""Lights of Mitsuba's scene files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from scenes.base.errors import InputError, about, first_problem
from scenes.base.inside_folder import inside
from scenes.imported.draft import LampDraft, check_invertible
from scenes.imported.gltf_lights import BEAM
from scenes.imported.mitsuba_xml import Plugin
from scenes.imported.report import Report
from scenes.lighting import Constant, EnvironmentMap
from scenes.pictures.files import check_whole_sphere, read_picture_file

Floats = NDArray[np.float64]

LAMPS = ("point", "spot", "directional")
AREA_LAMPS = ("rectangle", "disk", "sphere")
CLOSE = 1e-4  # largest difference from a right angle, or of two lengths relative to them


def lamp_of(plugin: Plugin, name: str, report: Report) -> LampDraft | None:
    """Return a point, spot or directional light; None for a light with a spectrum."""
    matrix = plugin.transform()
    check_invertible(matrix, str(plugin))
    if plugin.plugin == "directional":
        ahead = matrix[:3, 2]
        if plugin.has("direction"):
            ahead = matrix[:3, :3] @ plugin.vector("direction", (0.0, 0.0, 1.0))
        if not ahead.any():
            raise InputError(f"{plugin}: its direction is 0; give it a direction")
        irradiance = plugin.color("irradiance", 1.0)
        toward = -ahead / np.linalg.norm(ahead)
        sun = {"kind": "sun", "toward": toward, "irradiance": irradiance}
        return _unless_spectrum(plugin, name, sun, "irradiance", report)
    place = matrix[:3, 3]
    if plugin.plugin == "point" and plugin.has("position"):
        place = plugin.vector("position", (0.0, 0.0, 0.0))
    keys: dict[str, Any] = {"kind": plugin.plugin}
    keys |= {"place": place, "intensity": plugin.color("intensity", 1.0)}
    if plugin.plugin == "spot":
        keys["angle"] = cutoff = plugin.number("cutoff_angle", 20.0)
        keys["toward"] = place + matrix[:3, 2] / np.linalg.norm(matrix[:3, 2])
        beam = plugin.number("beam_width", BEAM * cutoff)
        if abs(beam - BEAM * cutoff) > 0.01 * cutoff:
            report.note(
                f"light '{name}': its intensity falls from {BEAM * cutoff:.3g}° to {cutoff:.3g}°, "
                f"not from {beam:.3g}°"
            )
        for _, texture in plugin.nested("texture"):
            report.lost(f"{texture} of light '{name}'")
    return _unless_spectrum(plugin, name, keys, "intensity", report)


def area_lamp(name: str, shape: Plugin, emitter: Plugin, report: Report) -> LampDraft | None:
    """Return the lamp of a shape that emits light; None if no lamp has its form."""
    radiance = emitter.color("radiance", 1.0)
    if shape.plugin not in AREA_LAMPS or radiance is None or emitter.texture("radiance"):
        return None
    for unread in emitter.unread:
        report.lost(f"{unread} of the light of {shape}")
    matrix = shape.transform()
    check_invertible(matrix, str(shape))
    axes = matrix[:3, :3]
    lengths = np.linalg.norm(axes, axis=0)
    if shape.plugin == "sphere":
        if not _is_similar(axes):
            return None
        place = axes @ shape.vector("center", (0.0, 0.0, 0.0)) + matrix[:3, 3]
        radius = shape.number("radius", 1.0) * lengths[0]
        keys = {"kind": "sphere", "place": place, "radius": radius, "radiance": radiance}
        return LampDraft(name, keys)
    if abs(axes[:, 0] @ axes[:, 1]) > CLOSE * lengths[0] * lengths[1]:
        return None
    normal = np.linalg.inv(axes).T[:, 2]  # surfaces are in the plane z = 0, and face +z
    ahead = normal / np.linalg.norm(normal) * (-1 if shape.flag("flip_normals", False) else 1)
    place = matrix[:3, 3]
    keys = {"place": place, "toward": place + ahead * lengths[:2].max(), "radiance": radiance}
    if shape.plugin == "disk":
        if abs(lengths[0] - lengths[1]) > CLOSE * lengths[0]:
            return None
        return LampDraft(name, keys | {"kind": "disc", "radius": lengths[0]})
    sides = (2 * lengths[0], 2 * lengths[1])
    return LampDraft(name, keys | {"kind": "rectangle", "size": sides, "along": axes[:, 0]})


def constant(plugin: Plugin, report: Report) -> Constant:
    """Return a light that is the same from all directions."""
    color = plugin.color("radiance", 1.0)
    if color is None or plugin.texture("radiance"):
        report.lost(f"spectrum or texture of {plugin}; 1 is used")
        return Constant()
    try:
        return Constant(radiance=color)
    except ValidationError as error:
        raise InputError(f"{plugin}: {first_problem(error, {'radiance': color})}") from error


def environment_map(plugin: Plugin, path: Path) -> tuple[EnvironmentMap, Floats]:
    """Return a map, and its rotation (3, 3) in the coordinates of the file."""
    file = inside(path.parent, plugin.text("filename"), path)
    read = read_picture_file(file)
    with about(str(file)):
        check_whole_sphere(read)
        matrix = plugin.transform()
        check_invertible(matrix, str(plugin))
        axes = matrix[:3, :3]
        if not _is_similar(axes) or np.linalg.det(axes) < 0:
            raise InputError(f"{plugin}: its transform is no rotation; use a rotation")
        keys = {"radiance": read.picture, "level": plugin.number("scale", 1.0)}
        try:
            return EnvironmentMap(**keys), axes / np.linalg.norm(axes[:, 0])
        except ValidationError as error:
            raise InputError(first_problem(error, keys)) from error


def _is_similar(axes: Floats) -> bool:
    """Return whether a matrix (3, 3) is a rotation times a factor."""
    square = axes.T @ axes
    size = np.trace(square) / 3
    return bool(np.abs(square - size * np.eye(3)).max() <= CLOSE * size)


def _unless_spectrum(
    plugin: Plugin, name: str, keys: dict[str, Any], strength: str, report: Report
) -> LampDraft | None:
    """Return a lamp; None, with a line of the report, if its strength is a spectrum."""
    if keys[strength] is None:
        report.lost(f"{plugin}: its spectrum; give it an rgb value")
        return None
    return LampDraft(name, keys)

"""Cameras of Mitsuba's scene files."""

import re

import numpy as np

from scenes.base.errors import InputError
from scenes.imported.draft import View, check_invertible
from scenes.imported.gltf_views import square_note
from scenes.imported.mitsuba_xml import Plugin
from scenes.imported.report import Report

SENSORS = ("perspective", "thinlens")
WIDTH, HEIGHT = 768, 576  # of Mitsuba's films by default
DIAGONAL = float(np.hypot(36, 24))  # of 35 mm film, in mm
IGNORED = {"near_clip", "far_clip", "shutter_open", "shutter_close"}


def view_of(plugin: Plugin, name: str, report: Report) -> View | None:
    """Return a camera; None if its image is mirrored."""
    plugin.used |= IGNORED
    matrix = plugin.transform()
    check_invertible(matrix, str(plugin))
    if np.linalg.det(matrix[:3, :3]) < 0:
        report.lost(f"camera '{name}': its image is mirrored")
        return None
    if plugin.plugin == "thinlens":
        plugin.used |= {"aperture_radius", "focus_distance"}
        report.lost(f"blur of camera '{name}' (thinlens)")
    film = next((each for _, each in plugin.nested("film")), None)
    width = film.number("width", WIDTH) if film else WIDTH
    height = film.number("height", HEIGHT) if film else HEIGHT
    if width <= 0 or height <= 0:
        raise InputError(
            f"{plugin}: its film has {width:g} × {height:g} pixels; use at least 1 × 1"
        )
    if abs(width / height - 1) > 1e-3:
        report.note(square_note(name, width / height))
    angle = _vertical(plugin, width / height)
    return View(name, matrix[:3, 3], matrix[:3, 2], matrix[:3, 1], angle)


def _vertical(plugin: Plugin, aspect: float) -> float:
    """Return the vertical field of view in degrees, of an image with this width ÷ height."""
    angle, axis = plugin.number("fov", 0.0), plugin.text("fov_axis", "x")
    if not angle:
        length = plugin.text("focal_length", "50mm")
        match = re.fullmatch(r"\s*([\d.]+)\s*mm\s*", length)
        if not match:
            raise InputError(f"{plugin}: focal_length: '{length}' is not allowed; use mm, as 50mm")
        angle, axis = float(2 * np.degrees(np.arctan(DIAGONAL / 2 / float(match[1])))), "diagonal"
    if not 0 < angle < 180:
        raise InputError(f"{plugin}: fov: {angle:g} is out of range; allowed: above 0, below 180")
    plugin.used |= {"focal_length"}
    side = np.tan(np.radians(angle) / 2)
    if axis in ("smaller", "larger"):
        axis = "y" if (aspect > 1) == (axis == "smaller") else "x"
    across = {"x": 1 / aspect, "y": 1.0, "diagonal": 1 / np.hypot(1, aspect)}
    if axis not in across:
        allowed = "x, y, diagonal, smaller or larger"
        raise InputError(f"{plugin}: fov_axis: '{axis}' is not allowed; use {allowed}")
    return float(2 * np.degrees(np.arctan(side * across[axis])))

"""Cameras of glTF files."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.imported.draft import View
from scenes.imported.report import Report


def view_of(
    camera: dict[str, Any], name: str, matrix: NDArray[np.float64], report: Report
) -> View | None:
    """Return a perspective camera of a node with this world matrix; None for other kinds.

    Images are square, so the vertical field of view is kept.
    """
    if camera.get("type") != "perspective":
        report.lost(f"camera '{name}': it is {camera.get('type')}, not perspective")
        return None
    if np.linalg.det(matrix[:3, :3]) < 0:
        report.lost(f"camera '{name}': its image is mirrored")
        return None
    lens = camera["perspective"]
    aspect = lens.get("aspectRatio")
    if aspect is not None and abs(aspect - 1) > 1e-3:
        report.note(square_note(name, float(aspect)))
    angle = float(np.degrees(lens["yfov"]))
    return View(name, matrix[:3, 3], -matrix[:3, 2], matrix[:3, 1], angle)


def square_note(name: str, aspect: float) -> str:
    """Return the note for a camera whose images are not square."""
    side = "less" if aspect > 1 else "more"
    return (
        f"camera '{name}': images are square, not {aspect:.3g} times as wide as high; they show "
        f"the same height, and {side} at the sides"
    )

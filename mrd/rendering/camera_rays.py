"""Rays of a camera through given places of its pixels.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from typing import Any

import mitsuba as mi
import numpy as np
from numpy.typing import NDArray

from scenes.camera import Camera

CENTRE = np.array([[0.5, 0.5]])


def camera_rays(sensor: Any, view: Camera, places: NDArray[np.float64] = CENTRE) -> Any:
    """Return rays, ordered by place, row and column; `places` (N, 2) are x and y in a pixel."""
    rows, columns = np.mgrid[0 : view.height, 0 : view.width]
    x = (columns.ravel() + places[:, :1]) / view.width
    y = (rows.ravel() + places[:, 1:]) / view.height
    position = mi.Point2f(x.ravel().astype(np.float32), y.ravel().astype(np.float32))
    ray, _ = sensor.sample_ray(0, 0, position, mi.Point2f(0.5))
    return ray

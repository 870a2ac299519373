"""What a page holds of a scene: objects, lamps, light, film and cameras, as JSON."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Picture
from scenes.camera import Camera, cameras
from scenes.film import LUMINANCE
from scenes.lamps import AREA_LAMPS, STRENGTH, DiscLamp, Lamp, RectangleLamp, SphereLamp, Sun
from scenes.lighting import solid_angles
from scenes.material import Material
from scenes.scene import Scene
from scenes.view.buffers import Buffers
from scenes.view.environment import environment, radiance_map
from scenes.view.surfaces import anchor, placed, surface

BRIGHTNESS = 0.8  # of a surface that faces an average light, if the exposure is "auto"
INDIRECT = 0.15  # irradiance from all sides ÷ that of the lamps, where light is reflected


def scene_record(scene: Scene, buffers: Buffers) -> dict[str, Any]:
    """Return the record of a loaded scene; its arrays are added to `buffers`."""
    vertices = {name: placed(each) for name, each in scene.objects.items()}
    own = vertices[scene.object]
    centre = (own.min(axis=0) + own.max(axis=0)) / 2
    radius = float(np.linalg.norm(own - centre, axis=1).max())
    top = np.array([centre[0], own[:, 1].max(), centre[2]])
    lamps = lamp_irradiance(scene, centre)
    objects = []
    for name, each in scene.objects.items():
        at = top if name == scene.object else anchor(vertices[name], centre, radius)
        objects.append({"name": name, "anchor": at.tolist(), **surface(each, buffers)})
    return {
        "objects": objects,
        "lamps": [lamp_record(name, each) for name, each in scene.lamps.items()],
        "light": environment(scene.lighting, buffers),
        "indirect": (INDIRECT * lamps).tolist() if scene.bounces else [0.0, 0.0, 0.0],
        "film": {
            "exposure": exposure(scene, centre),
            "is_estimate": scene.film.exposure == "auto",
            "tone_curve": scene.film.tone_curve,
            "background": scene.film.background,
        },
        "cameras": [camera_record(each) for each in cameras(scene.cameras)],
        "centre": centre.tolist(),
        "radius": radius,
    }


def camera_record(camera: Camera) -> dict[str, Any]:
    """Return the record of a camera; its field of view is the vertical one."""
    across = np.tan(np.radians(camera.field_of_view) / 2)
    upright = 2 * np.degrees(np.arctan(across * camera.height / camera.width))
    return {
        "name": camera.name,
        "held_out": camera.held_out,
        "matrix": camera.to_world().T.ravel().tolist(),  # column by column
        "target": list(camera.target),
        "field_of_view": float(upright),
        "aspect": camera.width / camera.height,
    }


def lamp_record(name: str, lamp: Lamp) -> dict[str, Any]:
    """Return the record of a lamp; `strength` includes its level."""
    record = lamp.model_dump(mode="json", exclude={"level", STRENGTH[lamp.kind]})
    record |= {"name": name, "strength": _strength(lamp).tolist()}
    if isinstance(lamp, Sun):
        record["direction"] = lamp.direction().tolist()
    if isinstance(lamp, AREA_LAMPS):
        # From afar, an area lamp is a point of this intensity.
        record["intensity"] = (area_seen(lamp) * _strength(lamp)).tolist()
    return record


def area_seen(lamp: RectangleLamp | DiscLamp | SphereLamp) -> float:
    """Return the area of an area lamp as seen from its front."""
    if isinstance(lamp, RectangleLamp):
        return lamp.size[0] * lamp.size[1]
    return float(np.pi * lamp.radius**2)


def exposure(scene: Scene, centre: NDArray[np.float64]) -> float:
    """Return the exposure of a scene; an estimate if it is ``"auto"``, as the page has no renderer.

    Parameters
    ----------
    scene
        Loaded scene.
    centre
        Middle of the main object.
    """
    if scene.film.exposure != "auto":
        return scene.film.exposure
    pixels = radiance_map(scene.lighting)
    weights = solid_angles(*pixels.shape[:2]) / (4 * np.pi)
    light = np.einsum("ij,ijc->c", weights, pixels)
    light = light + lamp_irradiance(scene, centre) / np.pi
    seen = float(light @ LUMINANCE) * _mean_luminance(scene.material)
    return float(np.clip(BRIGHTNESS / max(seen, 1e-6), 1e-6, 1e6))


def lamp_irradiance(scene: Scene, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return about the irradiance (3,) of all lamps on surfaces at a point that face them."""
    return np.sum([np.zeros(3), *(_irradiance(each, at) for each in scene.lamps.values())], axis=0)


def _irradiance(lamp: Lamp, at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return about the irradiance (3,) of a lamp on a surface at a point that faces it."""
    if isinstance(lamp, Sun):
        return _strength(lamp)
    distance = float(np.linalg.norm(np.subtract(lamp.place, at)))
    area = area_seen(lamp) if isinstance(lamp, AREA_LAMPS) else 1.0
    return area * _strength(lamp) / max(distance**2, 1e-6)


def _strength(lamp: Lamp) -> NDArray[np.float64]:
    """Return radiance, intensity or irradiance (3,) of a lamp, with its level."""
    return np.multiply(lamp.level, getattr(lamp, STRENGTH[lamp.kind]))


def _mean_luminance(material: Material) -> float:
    """Return the mean luminance of a material's base colour."""
    color = material.base_color
    rgb = color.pixels.mean(axis=(0, 1)) if isinstance(color, Picture) else np.asarray(color)
    return max(float(np.broadcast_to(rgb, 3) @ LUMINANCE), 0.05)

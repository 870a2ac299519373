"""What a page holds of a scene: objects, lamps, light, film and cameras, as JSON."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Picture
from scenes.camera import Camera, cameras
from scenes.film import LUMINANCE
from scenes.lamps import LAMPS, STRENGTH, Lamp, PointLamp, SpotLamp, Sun, area, irradiance, strength
from scenes.lighting import Lighting, solid_angles
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
    around, lamps = lights_of(scene)
    objects = []
    for name, each in scene.objects.items():
        at = top if name == scene.object else anchor(vertices[name], centre, radius)
        objects.append({"name": name, "anchor": at.tolist(), **surface(each, buffers)})
    return {
        "objects": objects,
        "lamps": [lamp_record(name, each) for name, each in lamps.items()],
        "light": environment(list(around.values()), buffers),
        "environments": [[name, each.kind] for name, each in around.items()],
        "indirect": (INDIRECT * received(lamps, centre) * (scene.bounces > 0)).tolist(),
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


def lights_of(scene: Scene) -> tuple[dict[str, Lighting], dict[str, Lamp]]:
    """Return the lights around a scene, and its lamps, by name."""
    lights = {scene.light: scene.lighting, **scene.lamps}
    around = {name: each for name, each in lights.items() if not isinstance(each, LAMPS)}
    return around, {name: each for name, each in lights.items() if isinstance(each, LAMPS)}


def lamp_record(name: str, lamp: Lamp) -> dict[str, Any]:
    """Return the record of a lamp; `strength` includes its level."""
    record = lamp.model_dump(mode="json", exclude={"level", STRENGTH[lamp.kind]})
    record |= {"name": name, "strength": strength(lamp).tolist()}
    if isinstance(lamp, Sun):
        record["direction"] = lamp.direction().tolist()
    elif not isinstance(lamp, PointLamp | SpotLamp):
        # From afar, an area lamp is a point of this intensity.
        record["intensity"] = (area(lamp) * strength(lamp)).tolist()
    return record


def received(lamps: Mapping[str, Lamp], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the irradiance (3,) of lamps at a point, on surfaces that face them."""
    return np.sum([np.zeros(3), *(irradiance(each, at)[1] for each in lamps.values())], axis=0)


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
    around, lamps = lights_of(scene)
    pixels = radiance_map(list(around.values()))
    weights = solid_angles(*pixels.shape[:2]) / (4 * np.pi)
    light = np.einsum("ij,ijc->c", weights, pixels) + received(lamps, centre) / np.pi
    seen = float(light @ LUMINANCE) * _mean_luminance(scene.material)
    return float(np.clip(BRIGHTNESS / max(seen, 1e-6), 1e-6, 1e6))


def _mean_luminance(material: Material) -> float:
    """Return the mean luminance of a material's base colour."""
    color = material.base_color
    rgb = color.pixels.mean(axis=(0, 1)) if isinstance(color, Picture) else np.asarray(color)
    return max(float(np.broadcast_to(rgb, 3) @ LUMINANCE), 0.05)

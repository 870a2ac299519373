"""The lights of a scene, as exporters need them."""

import numpy as np

from scenes.base.frozen import Triple
from scenes.lamps import DiscLamp, RectangleLamp, SpotLamp
from scenes.scene import Light, Scene

SPOT_CORE = 0.75  # the part of a spot's cone in which its light is constant
UPRIGHT = 0.999  # cosine to the vertical above which +y cannot be a lamp's up direction


def lights_of(scene: Scene) -> dict[str, Light]:
    """Return all lights by name, the one that a search changes first."""
    return {scene.light: scene.lighting, **scene.lamps}


def up_of(lamp: RectangleLamp | DiscLamp | SpotLamp) -> Triple:
    """Return the direction that is up for a lamp that faces a point: +y, or +z if it is steep."""
    ahead = np.subtract(lamp.toward, lamp.place)
    steep = abs(ahead[1]) > UPRIGHT * np.linalg.norm(ahead)
    return (0.0, 0.0, 1.0) if steep else (0.0, 1.0, 0.0)

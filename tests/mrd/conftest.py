"""The renderer, chosen before any test module here imports it; a small scene to change."""

from collections.abc import Callable
from typing import Any

import pytest

from mrd.rendering import backend
from scenes.camera import Single
from scenes.film import Film
from scenes.scene import Scene
from scenes.shape import Sphere

backend.activate()


@pytest.fixture(scope="session")
def small() -> Callable[..., Scene]:
    """Make a loaded scene: a grey sphere of 642 vertices in white light, 32², but for changes."""

    def make(**changes: Any) -> Scene:
        plain: dict[str, Any] = {
            "name": "small",
            "shape": Sphere(subdivisions=3),
            "cameras": Single(resolution=32),
            "film": Film(exposure=1.0),
        }
        return Scene(**(plain | changes)).loaded()

    return make

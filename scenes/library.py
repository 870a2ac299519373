"""Meshes, lights, materials and scenes by name; listing them loads nothing."""

from collections.abc import Callable
from functools import partial

from scenes.base.errors import unknown
from scenes.bundled import LIGHTS, MESHES
from scenes.camera import Ring
from scenes.lighting import EnvironmentMap
from scenes.material import PRESETS, Material
from scenes.scene import Scene
from scenes.shape import MeshShape

__all__ = ["LIGHTS", "MATERIALS", "MESHES", "SCENES", "scene"]

MATERIALS: dict[str, Callable[[], Material]] = {
    name: partial(Material.model_validate, name) for name in PRESETS
}


def _complete(mesh: str) -> Scene:
    # Terracotta with a soft highlight, so that diffuse and specular reflection both matter.
    """Return the scene of a library mesh, with material, light and cameras."""
    return Scene(
        name=mesh,
        shape=MeshShape(surface=mesh),
        material=Material(base_color=(0.62, 0.30, 0.17), roughness=0.4),
        lighting=EnvironmentMap(radiance="studio"),
        cameras=Ring(count=4, held_out=2),
    )


SCENES: dict[str, Callable[[], Scene]] = {name: partial(_complete, name) for name in MESHES}


def scene(name: str) -> Scene:
    """Return a complete scene by its name.

    Parameters
    ----------
    name
        A key of `SCENES`.

    Returns
    -------
    Scene
        Not yet loaded.

    Raises
    ------
    InputError
        No scene has this name.
    """
    if name not in SCENES:
        raise unknown("scene", name, SCENES)
    return SCENES[name]()

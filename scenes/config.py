"""The section ``targets`` of the study file."""

from pathlib import Path
from typing import Any

from pydantic import ValidationError, model_validator

from scenes import library
from scenes.base.errors import InputError, first_problem, unknown
from scenes.base.frozen import Frozen
from scenes.camera import Cameras
from scenes.film import Film
from scenes.lamps import Lamp
from scenes.lighting import Lighting
from scenes.material import Material
from scenes.objects import Name, Object
from scenes.pose import Pose
from scenes.scene import ENVIRONMENT, Scene, Surroundings, Transport
from scenes.scene_files import read_scene
from scenes.shape import Shape


class TargetConfig(Frozen):
    """A target: a scene in which whole sections may be replaced.

    Names and files are only looked up when the scene is made and loaded.

    Parameters
    ----------
    scene
        A scene from the library (``bunny``, ``suzanne``, ``spot``), or the path of a ``scene.json``
        relative to the study. Without it, `shape` is required, and other sections have their
        defaults.
    shape, material, pose, lighting, cameras, film, transport
        Each replaces that whole section of the scene.
    objects
        Further objects, by name: each has shape, material and pose. The object that the keys above
        describe is called ``object``, if `scene` gives it no other name. Without `scene` and
        `shape`, the first of these objects takes its place.
    surroundings
        Ready-made surroundings: names (ground, table, wall, occluder, cornell), or a mapping of
        names to their settings.
    lamps
        Lamps in addition to `lighting` and to the lamps of `scene`, by name: rectangle, disc,
        sphere, point, spot or sun.
    """

    scene: str | None = None
    shape: Shape | None = None
    material: Material | None = None
    pose: Pose | None = None
    lighting: Lighting | None = None
    cameras: Cameras | None = None
    film: Film | None = None
    transport: Transport | None = None
    objects: dict[Name, Object] | None = None
    surroundings: Surroundings | None = None
    lamps: dict[Name, Lamp] | None = None

    @model_validator(mode="after")
    def _has_a_shape(self) -> "TargetConfig":
        if self.scene is None and self.shape is None and not self.objects:
            raise ValueError("a target needs a scene or a shape; give one, such as scene: bunny")
        return self


def target_scene(name: str, config: TargetConfig, folder: Path) -> Scene:
    """Return the scene of a target.

    Parameters
    ----------
    name
        Name of the target, and of the scene.
    config
        The target's section of the study file.
    folder
        Folder of the study, for relative paths.

    Returns
    -------
    Scene
        Not loaded: call ``.loaded(folder)``.

    Raises
    ------
    InputError
        The scene is neither in the library nor a readable file.
    """
    sections: dict[str, Any] = {
        key: value
        for key in TargetConfig.model_fields
        if key not in ("scene", "objects") and (value := getattr(config, key)) is not None
    }
    others = dict(config.objects or {})
    if config.scene is not None:
        base = _base(config.scene, folder)
        if ENVIRONMENT in base.lamps:
            base = base.with_searched_light(ENVIRONMENT)
        sections = {**dict(base), **sections, "name": name, "others": base.others | others}
        sections["lamps"] = base.lamps | (config.lamps or {})
    else:
        if config.shape is None:
            first = next(iter(others))
            sections = {"object": first, **dict(others.pop(first)), **sections}
        sections |= {"name": name, "others": others}
    try:
        return Scene.model_validate(sections)
    except ValidationError as error:
        raise InputError(first_problem(error, sections)) from error


def _base(scene: str, folder: Path) -> Scene:
    """Return the scene that a target starts from: of the library, or of a file."""
    if scene in library.SCENES:
        return library.scene(scene)
    if Path(scene).suffix.lower() in (".glb", ".gltf", ".xml"):
        raise InputError(
            f"scene: '{scene}' is a file of another program; make a scene of it: mrd scenes import "
            f"{scene} --out {Path(scene).stem}, then scene: {Path(scene).stem}/scene.json"
        )
    if Path(scene).suffix != ".json":
        others = ", or the path of a scene.json; a mesh goes into a study, as a target's shape"
        raise unknown("scene", scene, library.SCENES, others)
    return read_scene(folder / scene)

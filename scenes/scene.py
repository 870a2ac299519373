"""A scene: everything, except the renderer, that an image depends on, as data.

A scene has one or several objects. A search changes one of them, which all cameras must see:
`Scene.object` is its name, and `Scene.shape`, `.material` and `.pose` are its own. The further
objects are in `Scene.others`; `Scene.with_searched_object` chooses another one.
"""

import hashlib
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, model_validator

from scenes.base.errors import InputError, about, unknown
from scenes.base.frozen import Frozen, between
from scenes.camera import Cameras, Ring
from scenes.film import Film
from scenes.lamps import LAMPS, Lamp
from scenes.lighting import Constant, Lighting
from scenes.loading import loaded_lighting, loaded_material, loaded_shape
from scenes.material import TEXTURED, Material
from scenes.objects import FIRST, Name, Object
from scenes.pose import Pose
from scenes.shape import Shape
from scenes.surroundings import Surrounding, by_name, objects_around

LATER_KEYS = ("others", "lamps")  # of version 2: part of the hash only if they have content


Surroundings = Annotated[dict[Name, Surrounding], BeforeValidator(by_name)]


class Transport(Frozen):
    """How light travels in the images of a scene.

    Parameters
    ----------
    bounces
        Number of reflections before light reaches the surface that a camera sees, 0 (direct light)
        to 64. By default 0 for an object alone, and 2 if there are other objects.
    """

    bounces: Annotated[int, between(0, 64)] | None = None


BOUNCES_AMONG_OBJECTS = 2
ENVIRONMENT = "environment"  # name of the light that surrounds a scene, among its lamps

Light = Annotated[Lighting | Lamp, Field(discriminator="kind")]


class Scene(Frozen):
    """A scene.

    Parameters
    ----------
    name
        Any name; it does not change the hash.
    shape, material, pose
        The object that a search changes. These and other sections may name library entries and
        files until the scene is `loaded`.
    object
        Its name; it does not change the hash.
    others
        Further objects, by name.
    surroundings
        Ready-made surroundings, by name; they become further objects and lamps when the scene is
        loaded.
    lighting
        The light that a search changes: that of the environment, unless `with_searched_light`
        chose a lamp.
    light
        Its name; it does not change the hash.
    lamps
        Further lights, by name.
    cameras, film
        Cameras, and conversion of radiance to display values.
    transport
        How light travels.
    """

    name: str
    shape: Shape
    material: Material = Material()
    pose: Pose = Pose()
    object: Name = FIRST
    others: dict[Name, Object] = Field(default_factory=dict)
    surroundings: Surroundings = Field(default_factory=dict)
    lighting: Light = Constant()
    light: Name = ENVIRONMENT
    lamps: dict[Name, Light] = Field(default_factory=dict)
    cameras: Cameras = Ring()
    film: Film = Film()
    transport: Transport = Transport()

    @model_validator(mode="after")
    def _names_differ(self) -> "Scene":
        taken = [self.object, *self.others, *self.surroundings]
        twice = next((name for name in taken if taken.count(name) > 1), None)
        if twice:
            raise ValueError(f"two objects are called '{twice}'; give one of them another name")
        if self.light in self.lamps:
            raise ValueError(f"two lights are called '{self.light}'; give one of them another name")
        lights = {self.light: self.lighting, **self.lamps}
        around = [name for name, each in lights.items() if not isinstance(each, LAMPS)]
        if len(around) > 1:
            raise ValueError(
                f"lights {' and '.join(around)} both surround the scene; only one light may"
            )
        return self

    @property
    def objects(self) -> dict[str, Object]:
        """All objects by name: first the one that a search changes, then the others by name."""
        own = Object(shape=self.shape, material=self.material, pose=self.pose)
        return {self.object: own, **{name: self.others[name] for name in sorted(self.others)}}

    @property
    def bounces(self) -> int:
        """Number of reflections before light reaches the surface that a camera sees."""
        default = BOUNCES_AMONG_OBJECTS if self.others or self.surroundings else 0
        return default if self.transport.bounces is None else self.transport.bounces

    def with_searched_object(self, name: str) -> "Scene":
        """Return the scene with another of its objects as the one that a search changes."""
        if name == self.object:
            return self
        if name not in self.others:
            raise unknown("object", name, self.objects)
        objects = self.objects
        return self.model_copy(
            update={"object": name, **dict(objects.pop(name)), "others": objects}
        )

    def with_searched_light(self, name: str) -> "Scene":
        """Return the scene with another of its lights as the one that a search changes."""
        if name == self.light:
            return self
        lights = {self.light: self.lighting, **self.lamps}
        if name not in lights:
            raise unknown("lamp", name, lights)
        own = lights.pop(name)
        return self.model_copy(update={"lighting": own, "light": name, "lamps": lights})

    def loaded(self, folder: Path | None = None) -> "Scene":
        """Return the scene with names and files replaced by arrays.

        The mesh is fitted, and the light repaired, if the scene requests it.

        Parameters
        ----------
        folder
            Folder of relative paths; the current one by default.

        Returns
        -------
        Scene
            A loaded scene is returned unchanged.

        Raises
        ------
        InputError
            A name is unknown, or a file is missing or damaged.
        """
        base = Path(folder or "")
        objects = {}
        for name, each in self.objects.items():
            with about(name) if name != self.object else nullcontext():
                shape = loaded_shape(each.shape, base)
                material = loaded_material(each.material, base)
            objects[name] = each.model_copy(update={"shape": shape, "material": material})
        found, lamps = objects_around(self.surroundings, objects, self.object)
        for kind, added, taken in (("objects", found, objects), ("lamps", lamps, self.lamps)):
            if twice := sorted(added.keys() & taken.keys()):
                raise InputError(
                    f"scene '{self.name}': two {kind} are called '{twice[0]}', one of them of "
                    "surroundings; give the other another name"
                )
        own = objects.pop(self.object)
        return self.model_copy(
            update={
                **dict(own),
                "others": objects | found,
                "surroundings": {},
                "lighting": _loaded_light(self.lighting, base),
                "lamps": {k: _loaded_light(each, base) for k, each in (self.lamps | lamps).items()},
            }
        )

    @property
    def unloaded(self) -> tuple[str, ...]:
        """Keys whose value is still a name or a path, such as ``shape.surface``."""
        named = [key for key, value in contents(self).items() if isinstance(value, str)]
        return (
            *(".".join(key) for key in named),
            *(("surroundings",) if self.surroundings else ()),
        )

    def canonical_json(self) -> str:
        """Return a loaded scene without its name as JSON; arrays are replaced by their hashes."""
        if self.unloaded:
            raise InputError(
                f"scene '{self.name}': {', '.join(self.unloaded)} not loaded; call Scene.loaded()"
            )
        content = self.model_dump(mode="json", exclude={"name", "object", "light", "surroundings"})
        # Absent rather than empty, so that scenes of one object keep the hashes of version 1.
        content = {key: value for key, value in content.items() if value or key not in LATER_KEYS}
        content.pop("transport")
        if self.bounces:
            content["bounces"] = self.bounces
        return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of `canonical_json`, in hexadecimal; needs a loaded scene."""
        return hashlib.sha256(self.canonical_json().encode()).hexdigest()


def contents(scene: Scene) -> dict[tuple[str, ...], Any]:
    """Return the values that are names, files or arrays, by their keys in the scene."""
    found: dict[tuple[str, ...], Any] = {}
    place: tuple[str, ...]
    for name, each in scene.objects.items():
        place = () if name == scene.object else ("others", name)
        found[*place, "shape", "surface"] = getattr(each.shape, "surface", None)
        for key in TEXTURED:
            found[*place, "material", key] = getattr(each.material, key)
    lights: dict[tuple[str, ...], Light] = {("lighting",): scene.lighting}
    lights |= {("lamps", name): each for name, each in scene.lamps.items()}
    for place, light in lights.items():
        if not isinstance(light, LAMPS):
            found[*place, "radiance"] = getattr(light, "radiance", None)
    return found


def _loaded_light(light: Light, folder: Path) -> Light:
    """Return a light with its map read; a lamp has none."""
    return light if isinstance(light, LAMPS) else loaded_lighting(light, folder)

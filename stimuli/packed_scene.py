"""Scenes in the form that a set stores: a JSON text, and arrays named by their hash."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from scenes.arrays import Mesh, Picture, array_sha256
from scenes.base.errors import InputError, first_problem
from scenes.objects import FIRST
from scenes.scene import ENVIRONMENT, Scene, Transport, contents
from scenes.scene_files import SCHEMA_VERSION

Array = NDArray[Any]

# Fields of version 2 and their defaults.
LATER: dict[str, Any] = {
    "object": FIRST,
    "others": {},
    "surroundings": {},
    "light": ENVIRONMENT,
    "lamps": {},
    "transport": Transport(),
}


@dataclass(frozen=True)
class PackedScene:
    """A scene, as its SHA-256, JSON text with sorted keys, and arrays by their SHA-256.

    The text contains hash, shape and type of each array; an array that several scenes use is
    stored once.
    """

    sha256: str
    text: str
    arrays: dict[str, Array]


def packed(scene: Scene) -> PackedScene:
    """Pack a scene; raise InputError if it is not loaded."""
    content = scene.model_dump(mode="json")
    # Absent if they have their defaults, so that sets of scenes of one object, and their hashes,
    # are those of version 1.
    later = {name for name in LATER if getattr(scene, name) != LATER[name]}
    content = {key: value for key, value in content.items() if key in later or key not in LATER}
    content |= {"schema_version": SCHEMA_VERSION if later else 1, "sha256": scene.sha256}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    arrays: list[Array] = []
    for value in contents(scene).values():
        if isinstance(value, Mesh):
            arrays += [value.vertices, value.faces]
            arrays += [] if value.uvs is None else [value.uvs]
        elif isinstance(value, Picture):
            arrays.append(value.pixels)
    return PackedScene(scene.sha256, text, {array_sha256(array): array for array in arrays})


def unpacked(text: str, array: Callable[[str], Array]) -> Scene:
    """Return the loaded scene of a stored JSON text; `array` returns an array by its SHA-256.

    Raises InputError if the text is no scene, is of another version, or its hash is wrong.
    """
    try:
        record = json.loads(text)
        version, sha256 = record.pop("schema_version"), record.pop("sha256")
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise InputError("is not the JSON of a scene") from error
    if version not in range(1, SCHEMA_VERSION + 1):
        raise InputError(
            f"holds a scene of schema_version {version!r}; this version of the suite reads 1 "
            f"to {SCHEMA_VERSION}"
        )
    record = _with_arrays(record, array)
    try:
        scene = Scene.model_validate(record)
    except ValidationError as error:
        raise InputError(first_problem(error, record)) from error
    if scene.sha256 != sha256:
        raise InputError(
            f"the scene's hash is {scene.sha256[:12]}…, recorded is {str(sha256)[:12]}…"
        )
    return scene


def _with_arrays(value: Any, array: Callable[[str], Array]) -> Any:
    """Return JSON data with meshes and pictures in place of their hashes."""
    if not isinstance(value, dict):
        return value
    if _is_array(value.get("vertices")) and _is_array(value.get("faces")):
        uvs = value["uvs"]
        return Mesh(
            np.asarray(array(value["vertices"]["sha256"])),
            np.asarray(array(value["faces"]["sha256"])),
            None if uvs is None else np.asarray(array(uvs["sha256"])),
        )
    if _is_array(value):
        return Picture(np.asarray(array(value["sha256"])))
    return {key: _with_arrays(each, array) for key, each in value.items()}


def _is_array(value: Any) -> bool:
    """Return whether JSON data is the hash, shape and type of an array."""
    return isinstance(value, dict) and set(value) == {"sha256", "shape", "dtype"}

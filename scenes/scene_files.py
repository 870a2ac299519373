"""Files of scenes: ``scene.json``, and its meshes (PLY) and pictures (EXR) beside it.

In a file, all objects are in the section ``objects``; the first is the one that a search changes.
Files of version 1 have one object, whose sections are those of the scene.
"""

import json
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from scenes.arrays import Mesh, Picture
from scenes.base.atomic_files import whole_file
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, about, first_problem, reading
from scenes.base.inside_folder import inside
from scenes.meshes.files import read_stored_mesh, write_mesh
from scenes.objects import Object
from scenes.pictures.files import read_picture, write_picture
from scenes.scene import ENVIRONMENT, Scene, contents

SCHEMA_VERSION = 2  # version 1 had one object, without a name
SCENE_FILE = "scene.json"


def write_scene(scene: Scene, folder: Path) -> Path:
    """Write a scene: ``scene.json``, and its mesh (PLY) and pictures (EXR) beside it.

    Parameters
    ----------
    scene
        A loaded scene.
    folder
        Made if it is missing. Every file is replaced atomically, ``scene.json`` last.

    Returns
    -------
    Path
        Path of ``scene.json``.

    Raises
    ------
    InputError
        The scene is not loaded, or a file cannot be written.
    """
    path = Path(folder) / SCENE_FILE
    _write(scene, path, shared=False)
    return path


def write_shared_scene(scene: Scene, folder: Path) -> Path:
    """Write a loaded scene into a folder where scenes share equal files; return its JSON file."""
    path = Path(folder) / f"{scene.sha256[:16]}.json"
    if not _is_intact(path, scene):
        _write(scene, path, shared=True)
    return path


def read_scene(path: Path) -> Scene:
    """Read a scene, with the files beside it, and verify it.

    Parameters
    ----------
    path
        JSON file written by `write_scene`; or written by hand, with library names, and paths
        relative to it, in place of files with hashes.

    Returns
    -------
    Scene
        A loaded scene.

    Raises
    ------
    InputError
        A file is missing, damaged, of a newer version, or was changed after writing.
    """
    path = Path(path)
    record = _read_json(path)
    version = record.pop("schema_version", SCHEMA_VERSION)
    if version not in range(1, SCHEMA_VERSION + 1):
        raise InputError(
            f"{path}: schema_version is {version!r}; this version of the suite reads 1 to "
            f"{SCHEMA_VERSION}"
        )
    recorded = record.pop("sha256", None)
    record.setdefault("name", path.stem)
    with about(str(path)):
        record = _of_one_object(record)
    record = _with_files_read(path, record)
    try:
        scene = Scene.model_validate(record)
    except ValidationError as error:
        problem = first_problem(error, record)
        if problem.startswith("others."):
            problem = f"objects.{problem.removeprefix('others.')}"
        raise InputError(f"{path}: {problem}") from error
    with about(str(path)):
        scene = scene.loaded(path.parent)
    if recorded is not None and scene.sha256 != recorded:
        raise InputError(
            f"{path}: the scene is not the one that was written (its hash is {scene.sha256[:12]}…, "
            f"recorded is {str(recorded)[:12]}…); write it again, or delete the line sha256 if you "
            "changed it on purpose"
        )
    return scene


def _is_intact(path: Path, scene: Scene) -> bool:
    """Return whether a scene file exists and contains this scene."""
    try:
        return read_scene(path).sha256 == scene.sha256
    except InputError:
        return False


def _holds(file: Path, value: Mesh | Picture) -> bool:
    """Return whether a file contains this mesh or picture."""
    try:
        return _read_array(file).sha256 == value.sha256
    except InputError:
        return False


def _write(scene: Scene, path: Path, *, shared: bool) -> None:
    """Write the files of a scene; if `shared`, name its arrays by their hash."""
    record: dict[str, Any] = {"schema_version": SCHEMA_VERSION, "sha256": scene.sha256}
    record |= scene.model_dump(mode="json")
    written: dict[str, Path] = {}
    for keys, value in contents(scene).items():
        if not isinstance(value, Mesh | Picture):
            continue
        *place, key = keys
        named = "-".join(keys[1:] if keys[0] in ("others", "lamps") else keys)
        stem = f"{key}-{value.sha256[:16]}" if shared else named
        file = path.with_name(stem + (".ply" if isinstance(value, Mesh) else ".exr"))
        file = written.setdefault(value.sha256, file)  # objects share equal textures
        if file.stem == stem and not (shared and _holds(file, value)):
            if isinstance(value, Mesh):
                write_mesh(value, file)
            else:
                write_picture(value, file)
        section = record
        for each in place:
            section = section[each]
        section[key] = {"file": file.name, "sha256": file_sha256(file)}
    with whole_file(path) as beside:
        text = json.dumps(_with_objects(record), indent=2, allow_nan=False)
        beside.write_text(f"{text}\n", encoding="utf-8")


def _with_objects(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a scene as in files: all objects in one section, no empty section."""
    own = {key: record.pop(key) for key in Object.model_fields}
    objects = {record.pop("object"): own, **record.pop("others")}
    start = {key: record.pop(key) for key in ("schema_version", "sha256", "name")}
    if record["light"] == ENVIRONMENT:
        del record["light"]
    rest = {key: value for key, value in record.items() if value != {}}
    return {**start, "objects": objects, **rest}


def _of_one_object(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a scene file as fields of `Scene`; version 1 has no ``objects``."""
    if "objects" not in record:
        return record
    record = dict(record)
    objects = record.pop("objects")
    if not isinstance(objects, dict) or not objects:
        raise InputError("objects: use a mapping of names to objects, with at least one")
    for key in ("object", "others", *Object.model_fields):
        if key in record:
            raise InputError(f"{key}: not together with objects; move it into one of them")
    (first, own), *others = objects.items()
    if not isinstance(own, dict):
        raise InputError(f"objects.{first}: use a mapping of keys to values")
    if strange := own.keys() - Object.model_fields.keys():
        key, keys = sorted(strange)[0], ", ".join(Object.model_fields)
        raise InputError(f"objects.{first}: unknown key '{key}'; allowed: {keys}")
    return {**record, **own, "object": first, "others": dict(others)}


def _read_json(path: Path) -> dict[str, Any]:
    """Return the content of a scene file; raise InputError if it is not a JSON object."""
    with reading(path):
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"is not JSON: {error}") from error
        if not isinstance(record, dict):
            raise InputError("holds no scene; a scene file is a JSON object")
    return record


def _with_files_read(scene_file: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a scene with the meshes and pictures that it refers to."""
    result: dict[str, Any] = {}
    for key, value in record.items():
        if isinstance(value, dict) and isinstance(value.get("file"), str):
            result[key] = _read_beside(scene_file, value)
        else:
            result[key] = _with_files_read(scene_file, value) if isinstance(value, dict) else value
    return result


def _read_beside(scene_file: Path, entry: dict[str, Any]) -> Mesh | Picture:
    """Read a mesh or picture beside a scene file; raise if its hash is wrong."""
    path = inside(scene_file.parent, entry["file"], scene_file)
    if not path.is_file():
        raise InputError(f"{path}: missing; {scene_file.name} needs it")
    if "sha256" in entry and file_sha256(path) != entry["sha256"]:
        raise InputError(
            f"{path}: is not the file that was written with {scene_file.name} (its SHA-256 "
            "differs); restore it"
        )
    return _read_array(path)


def _read_array(path: Path) -> Mesh | Picture:
    """Read a stored mesh (PLY) or picture (EXR)."""
    return read_stored_mesh(path) if path.suffix == ".ply" else read_picture(path)

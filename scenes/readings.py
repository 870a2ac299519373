"""What the files of a scene hold, in words: for people who check that a file was read rightly."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from scenes.base.errors import InputError, about
from scenes.embedded import LIGHTS, MESHES
from scenes.lighting import EnvironmentMap
from scenes.material import TEXTURED
from scenes.meshes.files import READERS, read_mesh_file
from scenes.pictures.files import KINDS, read_picture_file
from scenes.pictures.panorama import check_whole_sphere, is_whole_sphere
from scenes.scene import Scene
from scenes.shape import MeshShape

PICTURES = tuple(suffix for _, _, suffixes in KINDS for suffix in suffixes)
LIGHT = ("EXR", "Radiance HDR")  # kinds that environment maps mostly are
# Textures of one number a pixel: data, not colours.
SCALAR_TEXTURES = tuple(f"material.{name}" for name, channels in TEXTURED.items() if channels == 1)


@dataclass(frozen=True)
class FileReading:
    """What was read from one file.

    Parameters
    ----------
    key
        Where the scene names the file, such as ``shape.surface``; empty without a scene.
    path
        Of the file.
    text
        What was read, in one line.
    changes
        What was changed while reading, such as ``"320 of 320 faces turned outward"``.
    """

    key: str
    path: Path
    text: str
    changes: tuple[str, ...]

    def __str__(self) -> str:
        place = f"{self.key}: " if self.key else ""
        return f"{place}{self.path}: {self.text}"


def file_reading(path: Path) -> FileReading:
    """Read a mesh or a picture, and say what it holds.

    Raises
    ------
    InputError
        The file is missing, damaged, or neither a mesh nor a picture.
    """
    suffix = path.suffix.lower()
    if suffix in READERS:
        return _of_mesh("", path, fit=True)
    if suffix in PICTURES:
        return _of_picture("", path)
    known = ", ".join((*READERS, *PICTURES))
    raise InputError(f"{path}: is neither a mesh nor a picture that is read; use {known}")


def file_readings(scene: Scene, folder: Path) -> Iterator[FileReading]:
    """Read every file that a scene names, and say what each holds.

    Parameters
    ----------
    scene
        Not loaded: a loaded one names no files.
    folder
        What relative paths start from.

    Raises
    ------
    InputError
        A file is missing or damaged.
    """
    shape, light = scene.shape, scene.lighting
    surface = getattr(shape, "surface", None)
    if isinstance(shape, MeshShape) and isinstance(surface, str) and surface not in MESHES:
        yield _of_mesh("shape.surface", folder / surface, fit=shape.fit)
    for name in TEXTURED:
        value = getattr(scene.material, name)
        if isinstance(value, str):
            yield _of_picture(f"material.{name}", folder / value)
    radiance = light.radiance if isinstance(light, EnvironmentMap) else None
    if isinstance(radiance, str) and radiance not in LIGHTS:
        yield _of_picture("lighting.radiance", folder / radiance)


def _of_mesh(key: str, path: Path, *, fit: bool) -> FileReading:
    reading = read_mesh_file(path, fit=fit)
    return FileReading(key, path, str(reading), reading.changes)


def _of_picture(key: str, path: Path) -> FileReading:
    """Read a picture as the scene will; of what is repaired in a light, the count is noted."""
    read = read_picture_file(path, "clip", "linear" if key in SCALAR_TEXTURES else "srgb")
    if key == "lighting.radiance":
        with about(str(path)):
            check_whole_sphere(read)
    text = str(read)
    if not key and read.kind in LIGHT and not is_whole_sphere(read):
        text += "; not twice as wide as high: it can be a texture, but no environment map"
    return FileReading(key, path, text, read.notes)

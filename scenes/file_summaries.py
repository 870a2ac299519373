"""Summaries of the files of a scene, so that users can check that they were read correctly."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenes.arrays import Mesh
from scenes.base.errors import InputError, about
from scenes.bundled import LIGHTS, MESHES
from scenes.geometry.topology import manifold_problem
from scenes.material import TEXTURED
from scenes.meshes.files import READERS, read_mesh_file
from scenes.pictures.files import KINDS, check_whole_sphere, read_picture_file
from scenes.scene import Scene, contents
from scenes.shape import MeshShape

PICTURES = tuple(suffix for _, _, suffixes in KINDS for suffix in suffixes)
LIGHT = ("EXR", "Radiance HDR")  # kinds of files that environment maps usually have
# Textures with one number per pixel hold data, not colours.
SCALAR_TEXTURES = tuple(f"material.{name}" for name, channels in TEXTURED.items() if channels == 1)


@dataclass(frozen=True)
class FileSummary:
    """Summary of one file; as text, in one line."""

    key: str  # key in the scene, such as shape.surface; empty without a scene
    path: Path
    text: str  # contents of the file, in one line
    changes: tuple[str, ...]  # made while reading, such as "320 of 320 faces turned outward"

    def __str__(self) -> str:
        place = f"{self.key}: " if self.key else ""
        return f"{place}{self.path}: {self.text}"


def file_summary(path: Path) -> FileSummary:
    """Read a mesh or a picture, and return its summary.

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


def file_summaries(scene: Scene, folder: Path) -> Iterator[FileSummary]:
    """Read every file that an unloaded scene names, and yield its summary."""
    names = {"shape": set(MESHES), "lighting": set(LIGHTS)}
    for keys, value in contents(scene).items():
        part = keys[-2]
        if not isinstance(value, str) or value in names.get(part, ()):
            continue
        key, path = ".".join(keys), folder / value
        if part == "shape":
            shape = scene.others[keys[1]].shape if keys[0] == "others" else scene.shape
            yield _of_mesh(key, path, fit=isinstance(shape, MeshShape) and shape.fit)
        else:
            yield _of_picture(key, path)


def mesh_summary(mesh: Mesh) -> str:
    """Return numbers of vertices and faces, size, and whether a mesh is closed, in one line."""
    problem = manifold_problem(mesh)
    size = " × ".join(f"{each:.3g}" for each in np.ptp(mesh.vertices, axis=0))
    closed = "closed" if problem is None else f"not closed ({problem})"
    return f"{len(mesh.vertices)} vertices, {len(mesh.faces)} faces, {size} scene units, {closed}"


def _of_mesh(key: str, path: Path, *, fit: bool) -> FileSummary:
    """Read a mesh, and return its summary."""
    reading = read_mesh_file(path, fit=fit)
    return FileSummary(key, path, str(reading), reading.changes)


def _of_picture(key: str, path: Path) -> FileSummary:
    """Read a picture as its scene does, and return its summary.

    Values that need repair are clipped and counted, even if the scene does not set `repair`.
    """
    read = read_picture_file(path, "clip", "linear" if key.endswith(SCALAR_TEXTURES) else "srgb")
    if key == "lighting.radiance":
        with about(str(path)):
            check_whole_sphere(read)
    text = str(read)
    if not key and read.kind in LIGHT and not read.is_whole_sphere:
        text += "; not twice as wide as high: it can be a texture, but no environment map"
    return FileSummary(key, path, text, read.notes)

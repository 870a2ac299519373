"""A scene as a folder for Mitsuba 3: ``scene.xml``, meshes (PLY) and pictures (EXR)."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scenes.arrays import Mesh, Picture
from scenes.base.atomic_files import whole_folder
from scenes.exported.lights import lights_of
from scenes.exported.mitsuba_xml import has_grey_background, scene_xml
from scenes.exported.remarks import Remarks
from scenes.film import background_radiance
from scenes.lighting import EnvironmentMap
from scenes.material import TEXTURED
from scenes.pictures.files import write_picture
from scenes.placed import needs_texture_coordinates, world_surface
from scenes.scene import Scene

SCENE_FILE = "scene.xml"


def write_mitsuba(scene: Scene, folder: Path) -> Remarks:
    """Write a loaded scene as a folder that Mitsuba 3 loads; return what differs from the scene.

    Raises
    ------
    InputError
        The folder exists and is not empty, or cannot be written.
    """
    with whole_folder(folder) as beside:
        files = _write_arrays(scene, beside)
        (beside / SCENE_FILE).write_text(scene_xml(scene, files), encoding="utf-8")
    return _remarks(scene)


def _write_arrays(scene: Scene, folder: Path) -> dict[tuple[str, str], str]:
    """Write meshes and pictures; return their names by object or light, and key."""
    files: dict[tuple[str, str], str] = {}
    for name, each in scene.objects.items():
        files[name, "mesh"] = f"{name}.ply"
        textured = needs_texture_coordinates(each.material)
        mesh, normals = world_surface(each, textured)
        (folder / f"{name}.ply").write_bytes(_ply(mesh, normals, textured))
        for key in TEXTURED:
            if isinstance(picture := getattr(each.material, key), Picture):
                files[name, key] = f"{name}-{key}.exr"
                write_picture(picture, folder / files[name, key])
    for name, light in lights_of(scene).items():
        if isinstance(light, EnvironmentMap) and isinstance(light.radiance, Picture):
            files[name, "radiance"] = f"light-{name}.exr"
            write_picture(light.radiance, folder / f"light-{name}.exr")
    return files


def _ply(mesh: Mesh, normals: NDArray[np.float32] | None, textured: bool) -> bytes:
    """Return a mesh as binary PLY with the names of properties that Mitsuba reads."""
    columns = {"xyz": mesh.vertices}
    columns |= {} if normals is None else {"nx ny nz": normals}
    columns |= {"uv": mesh.uvs} if textured and mesh.uvs is not None else {}
    names = [each for key in columns for each in (key.split() if " " in key else key)]
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"element vertex {len(mesh.vertices)}",
        *(f"property float {each}" for each in names),
        f"element face {len(mesh.faces)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    faces = np.empty(len(mesh.faces), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.faces
    vertices = np.hstack(list(columns.values())).astype("<f4")
    return "\n".join(header).encode() + vertices.tobytes() + faces.tobytes()


def _remarks(scene: Scene) -> Remarks:
    """Return what differs from a scene: a grey background, and the film."""
    approximated: tuple[str, ...] = ()
    if has_grey_background(scene):
        is_known = scene.film.exposure != "auto"
        of = f"radiance {background_radiance(scene.film):g}" if is_known else "its display value"
        approximated = (f"background: transparent; composite the image over grey of {of}",)
    film = f"film (exposure {scene.film.exposure}, {scene.film.tone_curve}): images are linear"
    return Remarks(approximated, (film,))

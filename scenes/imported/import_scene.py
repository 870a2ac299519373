"""Import a scene file of another program as a ``scene.json``."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from scenes.base.atomic_files import whole_folder
from scenes.base.errors import InputError, about
from scenes.camera import Placed
from scenes.imported.assembled import Assembled, assembled
from scenes.imported.draft import Draft
from scenes.imported.gltf_scene import read_gltf_scene
from scenes.imported.mitsuba_scene import read_mitsuba_scene
from scenes.lighting import EnvironmentMap
from scenes.scene import Scene
from scenes.scene_files import SCENE_FILE, write_scene

READERS: dict[str, Callable[[Path], Draft]] = {
    ".glb": read_gltf_scene,
    ".gltf": read_gltf_scene,
    ".xml": read_mitsuba_scene,
}
SHOWN = 10  # names in one line


@dataclass(frozen=True, eq=False)
class Imported:
    """A scene that was imported.

    Parameters
    ----------
    path
        The ``scene.json``.
    scene
        The scene in it.
    summary
        What was read, how it was placed, and what is used in place of missing parts: one sentence
        each.
    notes
        Conversions and approximations, one sentence each.
    not_imported
        Contents of the file that the scene lacks.
    """

    path: Path
    scene: Scene
    summary: tuple[str, ...]
    notes: tuple[str, ...]
    not_imported: tuple[str, ...]


def import_scene(
    path: Path, out: Path, searched: str | None = None, *, strict: bool = False
) -> Imported:
    """Read a scene file of another program, and write it as a scene of the suite.

    The scene is moved and scaled so that the smallest sphere around the searched object is the unit
    sphere about the origin.

    Parameters
    ----------
    path
        A glTF 2.0 file (``.glb``, ``.gltf``), or a scene file of Mitsuba 2 or 3 (``.xml``).
    out
        Folder for ``scene.json``, its meshes and pictures; missing or empty.
    searched
        Name of the object that a search changes; by default the one with the most triangles.
    strict
        Whether to refuse a file of which something cannot be imported.

    Returns
    -------
    Imported
        The scene, and what was changed or left out.

    Raises
    ------
    InputError
        The file is missing, damaged, compressed or without meshes; a texture is missing or too
        large; a transform is singular; no object has this name; `strict` is set and something was
        not imported; or `out` exists. Nothing is written then.
    """
    path, out = Path(path), Path(out)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        raise InputError(
            f"{path}: '{path.suffix}' is no kind of scene that is imported; use "
            f"{', '.join(READERS)} (a mesh alone goes into a study, as a target's shape)"
        )
    if not path.is_file():
        raise InputError(f"{path}: no such scene file; check the path")
    with np.errstate(all="ignore"):  # numbers that become infinite are refused where they are used
        draft = READERS[suffix](path)
        report = draft.report
        with about(str(path)):
            result = assembled(draft, path.stem, searched)
            if strict and report.not_imported:
                raise InputError(_refusal(report.not_imported))
    with whole_folder(out) as beside:
        write_scene(result.scene, beside)
    return Imported(
        out / SCENE_FILE,
        result.scene,
        tuple(_summary(draft, result)),
        tuple(report.notes),
        tuple(report.not_imported),
    )


def _refusal(lost: list[str]) -> str:
    """Return the message of a strict import, in one line."""
    more = f"; and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    things, them = ("1 thing", "it") if len(lost) == 1 else (f"{len(lost)} things", "them")
    return (
        f"{things} cannot be imported: {'; '.join(lost[:SHOWN])}{more}; remove {them}, or import "
        "without --strict"
    )


def _summary(draft: Draft, result: Assembled) -> list[str]:
    """Return what was read and how it was placed, one sentence each."""
    scene, place = result.scene, result.placement
    count = len(scene.objects)
    why = f" (the most triangles of {count} objects)" if result.largest and count > 1 else ""
    lines = [f"searched object: {scene.object}{why}"]
    if scene.others:
        lines.append(f"further objects: {_listed(list(scene.others))}")
    x, y, z = (f"{0.0 - round(float(each), 9):.4g}" for each in place.centre)
    lines.append(
        f"units: {draft.units}, {draft.up} up"
        f"{' (turned to y up)' if draft.up != 'y' else ''}; moved by ({x}, {y}, {z}), then scaled "
        f"by {place.scale:.4g}: 1 scene unit is {1 / place.scale:.4g} of the file"
    )
    if any(lamp.kind in ("point", "spot") for lamp in scene.lamps.values()):
        lines.append(f"intensities of points and spots: multiplied by {place.scale**2:.4g}")
    if scene.lamps:
        lines.append(f"lamps: {_listed(list(scene.lamps))}")
    lines.append(f"light of the environment: {_light(draft, scene)}")
    if isinstance(scene.cameras, Placed):
        lines.append(f"cameras: {len(scene.cameras.places)}, as in the file")
    else:
        lines.append(f"cameras: none in the file that can be used; {scene.cameras.kind} of 4 used")
    return lines


def _light(draft: Draft, scene: Scene) -> str:
    """Return in words where the light of the environment is from."""
    if draft.lighting is not None:
        return "map of the file" if isinstance(scene.lighting, EnvironmentMap) else "of the file"
    return "none, there are lamps" if scene.lamps else "none in the file; constant light is used"


def _listed(names: list[str]) -> str:
    """Return names in words, shortened if there are many."""
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more

"""Export a scene in a format of other programs."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal

from scenes.base.errors import InputError
from scenes.exported.glb_scene import write_glb
from scenes.exported.mitsuba_folder import write_mitsuba
from scenes.exported.remarks import Remarks
from scenes.scene import Scene

Format = Literal["glb", "mitsuba"]

WRITERS: dict[Format, Callable[[Scene, Path], Remarks]] = {
    "glb": write_glb,
    "mitsuba": write_mitsuba,
}
SUFFIXES: dict[Format, str] = {"glb": ".glb", "mitsuba": ""}


def export(scene: Scene, path: Path, form: Format | None = None) -> Remarks:
    """Write a scene for other programs: a GLB file, or a folder for Mitsuba 3.

    Parameters
    ----------
    scene
        A loaded scene.
    path
        The GLB file, which is replaced; or the folder, which must be new or empty.
    form
        ``"glb"`` or ``"mitsuba"``; by default it follows from the suffix (`format_of`).

    Returns
    -------
    Remarks
    -----
        What the format stores only roughly, and what it cannot store.

    Raises
    ------
    InputError
        The format is unknown, or the file cannot be written; nothing is written then.
    """
    return WRITERS[form or format_of(path)](scene, path)


def format_of(path: Path) -> Format:
    """Return the format of a path: GLB for ``.glb``, Mitsuba for a folder without a suffix."""
    if path.suffix.lower() == ".glb":
        return "glb"
    if not path.suffix:
        return "mitsuba"
    raise InputError(
        f"{path}: '{path.suffix}' is no suffix of an exported scene; use .glb, or a folder without "
        "a suffix for Mitsuba, or --format glb or mitsuba"
    )

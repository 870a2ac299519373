"""The scenes that a run directory holds: target, start, result, and the levels of its series."""

from pathlib import Path

from mrd.study.storage import read_mapping
from scenes.base.errors import InputError
from scenes.base.inside_folder import inside
from scenes.scene_files import SCENE_FILE

SERIES = "series"
LEVELS_FILE = "levels.json"
SCENES_FOLDER = "scenes"
ENDS = ("target", "start", "result")


def scene_files(run: Path) -> dict[str, Path]:
    """Return the scene files of a run directory by name: ``target``, …, ``series-001``, ….

    Levels have the names of their images: ``series-001`` is the first level above 0,
    ``control-001`` its control, and the last level of an interpolation is ``result-NNN``.

    Raises
    ------
    InputError
        The list of levels is damaged, or names a file outside the folder.
    """
    files = {name: run / name / SCENE_FILE for name in ENDS}
    files = {name: path for name, path in files.items() if path.is_file()}
    levels = run / SERIES / LEVELS_FILE
    if not levels.is_file():
        return files
    content = read_mapping(levels) or {}
    try:
        rows = [(f"{row['role']}-{row['index']:03d}", row["scene"]) for row in content["levels"]]
        stored = {name: inside(levels.parent / SCENES_FOLDER, file, levels) for name, file in rows}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{levels}: is no list of levels; remove it, and run mrd generate to write it again"
        ) from error
    return files | stored

"""AOVs of images on disk, beside the images: their names, and the table of their hashes."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from scenes.aov_kinds import Kind
from scenes.base.atomic_files import whole_file
from scenes.base.frozen import Frozen
from scenes.base.inside_folder import is_inside
from stimuli.intake import Sha256

AOVS_FILE = "aovs.json"


class AovEntry(Frozen):
    """Hashes of an AOV's file, and of the scene that it shows."""

    sha256: Sha256
    scene: Sha256


_TABLE = TypeAdapter(dict[str, AovEntry])


def aov_name(folder: str, camera: str, kind: Kind) -> str:
    """Return the name of an AOV; `folder` is that of the images of the same scene."""
    return f"{folder}/{camera}_{kind}.exr"


def read_aov_table(folder: Path) -> dict[str, AovEntry]:
    """Return the AOVs of a folder of images by name; empty if there are none, or it is damaged."""
    try:
        table = _TABLE.validate_json((folder / AOVS_FILE).read_bytes())
    except (OSError, ValidationError):
        return {}
    return {name: entry for name, entry in table.items() if is_inside(name)}


def write_aov_table(folder: Path, table: Mapping[str, AovEntry]) -> None:
    """Write the table of the AOVs of a folder of images, in one step."""
    with whole_file(folder / AOVS_FILE) as beside:
        content = {name: entry.model_dump() for name, entry in table.items()}
        beside.write_text(f"{json.dumps(content, indent=1)}\n", encoding="utf-8")

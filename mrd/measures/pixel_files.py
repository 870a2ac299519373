"""Pixel metamers on disk, in the folder ``pixel_metamer`` of a run.

::

    <camera>.png          the image
    <camera>.json         how its synthesis ended, and what it was made from
    pixel_metamer.json    all of them, judged; written last
    preview.png           target, scene and pixel metamer side by side

A camera whose two files belong together, and were made from the run as it is, is not made again.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
from numpy.typing import NDArray

from mrd.study.run_directory import RunDirectory
from mrd.study.storage import plain, write_json
from scenes.base.digest import file_sha256
from scenes.base.inside_folder import inside
from stimuli.pixel_metamers import PixelMetamer

FOLDER, RECORD, PREVIEW = "pixel_metamer", "pixel_metamer.json", "preview.png"
SCHEMA_VERSION = 1


def digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of plain data."""
    return hashlib.sha256(json.dumps(plain(content), sort_keys=True).encode()).hexdigest()


def write_camera(folder: Path, camera: str, inputs: str, ended: Mapping[str, Any]) -> None:
    """Say how the synthesis at a camera ended; its picture is there."""
    picture = file_sha256(folder / f"{camera}.png")
    write_json(folder / f"{camera}.json", {**ended, "inputs": inputs, "sha256": picture})


def kept_camera(folder: Path, camera: str, inputs: str) -> dict[str, Any] | None:
    """How the synthesis at a camera ended; None where it has to be made (again)."""
    ended = _read(folder / f"{camera}.json")
    picture = folder / f"{camera}.png"
    if ended.get("inputs") != inputs or not picture.is_file():
        return None
    return ended if ended.get("sha256") == file_sha256(picture) else None


def finished(folder: Path, inputs: str) -> dict[str, Any] | None:
    """The record, if all of it is there and was made from what is there now; else None."""
    record = _read(folder / RECORD)
    if record.get("inputs") != inputs or not (folder / PREVIEW).is_file():
        return None
    whole = all(
        path.is_file() and file_sha256(path) == row["sha256"]
        for row in record["cameras"]
        for path in [inside(folder, f"{row['camera']}.png", folder / RECORD)]
    )
    return record if whole else None


def read(run: Path) -> PixelMetamer | None:
    """Pixel metamers of a run with the images beside them, for a stimulus set.

    Parameters
    ----------
    run
        The run's folder.

    Returns
    -------
    PixelMetamer or None
        None where there are none, some are lost, or the run has another result since.
    """
    record = _read(run / FOLDER / RECORD)
    judgement = RunDirectory(run).judgement() if record else None
    if judgement is None or record["result"] != judgement["result"]:
        return None
    if finished(run / FOLDER, record["inputs"]) is None:
        return None
    names = [row["camera"] for row in record["cameras"]]
    try:
        return PixelMetamer(
            run.name,
            record,
            target=rendered(run, "target", names),
            scene=rendered(run, "result", names),
            pixel=np.stack([picture(run / FOLDER / f"{name}.png") for name in names]),
        )
    except FileNotFoundError:  # a damaged run: generate makes its renders again
        return None


def rendered(run: Path, scene: str, cameras: list[str]) -> NDArray[np.uint8]:
    """Display images (C, H, W, 3) that a run keeps of its target, start or result."""
    folder, record = run / "renders", run / FOLDER / RECORD
    return np.stack([picture(inside(folder, f"{scene}_{name}.png", record)) for name in cameras])


def picture(path: Path) -> NDArray[np.uint8]:
    """Pixels (H, W, 3) of an 8-bit PNG."""
    return np.asarray(imageio.imread(path), np.uint8)


def _read(path: Path) -> dict[str, Any]:
    """A JSON file; empty where it is missing or damaged."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}

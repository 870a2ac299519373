"""Pixel metamers on disk, in the folder ``pixel_metamer`` of a run.

::

    <camera>.png          the image
    <camera>.json         how its synthesis ended, and a hash of its inputs
    pixel_metamer.json    all cameras with their verdict; written last
    preview.png           target, scene and pixel metamer side by side
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import imageio.v3 as imageio
import numpy as np
from numpy.typing import NDArray

from mrd.study.run_directory import RunDirectory
from mrd.study.storage import read_mapping, write_json
from scenes.base.digest import file_sha256
from scenes.base.inside_folder import inside
from stimuli.pixel_metamers import PixelMetamer

FOLDER, RECORD, PREVIEW = "pixel_metamer", "pixel_metamer.json", "preview.png"
SCHEMA_VERSION = 1


def write_camera(folder: Path, camera: str, inputs: str, synthesis: Mapping[str, Any]) -> None:
    """Write how the synthesis at a camera ended, beside its image."""
    image = file_sha256(folder / f"{camera}.png")
    write_json(folder / f"{camera}.json", {**synthesis, "inputs": inputs, "sha256": image})


def read_camera(folder: Path, camera: str, inputs: str) -> dict[str, Any] | None:
    """Return how the synthesis at a camera ended; None if it is missing or of other inputs."""
    synthesis = read_mapping(folder / f"{camera}.json") or {}
    image = folder / f"{camera}.png"
    if synthesis.get("inputs") != inputs or not image.is_file():
        return None
    return synthesis if synthesis.get("sha256") == file_sha256(image) else None


def finished(folder: Path, inputs: str) -> dict[str, Any] | None:
    """Return the record if inputs and images are unchanged and no file is missing, else None."""
    record = read_mapping(folder / RECORD) or {}
    if record.get("inputs") != inputs or not (folder / PREVIEW).is_file():
        return None
    images_unchanged = all(
        path.is_file() and file_sha256(path) == row["sha256"]
        for row in record["cameras"]
        for path in [inside(folder, f"{row['camera']}.png", folder / RECORD)]
    )
    return record if images_unchanged else None


def read(run: Path) -> PixelMetamer | None:
    """Read the pixel metamers in a run's folder, for a stimulus set.

    Return None if there are none, a file is missing, or the run now has another result.
    """
    record = read_mapping(run / FOLDER / RECORD) or {}
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
    except FileNotFoundError:  # a damaged run, whose renders mrd generate makes again
        return None


def rendered(run: Path, scene: str, cameras: list[str]) -> NDArray[np.uint8]:
    """Return the display images (C, H, W, 3) of a run's target, start or result."""
    folder, record = run / "renders", run / FOLDER / RECORD
    return np.stack([picture(inside(folder, f"{scene}_{name}.png", record)) for name in cameras])


def picture(path: Path) -> NDArray[np.uint8]:
    """Return the pixels (H, W, 3) of an 8-bit PNG."""
    return np.asarray(imageio.imread(path), np.uint8)

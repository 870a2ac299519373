"""From the records and images of a study's runs to its stimulus set."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scenes.base.digest import file_sha256
from scenes.base.errors import InputError
from scenes.base.inside_folder import inside
from scenes.film import Film, encode
from scenes.pictures.files import read_picture
from scenes.scene import read_scene
from stimuli.config import StimuliConfig
from stimuli.encoding import Change, Looks, looks, matched, matching, quantised, shown_light, stored
from stimuli.findings import NONE, Findings
from stimuli.intake import RECORDS_FILE, ImageRecord, frame, read_records
from stimuli.packed_scene import PackedScene, packed
from stimuli.pixel_metamers import PixelMetamer
from stimuli.selection import Refusal, selected
from stimuli.writing import write_set

Progress = Callable[[int, int], None]
ROLE_ORDER = ("target", "rerender", "series", "result", "control", "pixel", "null")
ORDER = ["family", "run", "role_order", "level_index", "camera", "light", "noise_seed"]


@dataclass(frozen=True)
class Built:
    """What a build came to.

    Parameters
    ----------
    content_hash
        Of the set.
    table
        Its stimuli, as records with `clipped`.
    refusals
        Runs and families that were left out, and why.
    """

    content_hash: str
    table: pd.DataFrame
    refusals: tuple[Refusal, ...]


def build_set(
    records: Sequence[Path],
    study: str,
    config: StimuliConfig,
    out: Path,
    provenance: Mapping[str, Any],
    progress: Progress = lambda _done, _total: None,
    left_out: Sequence[Refusal] = (),
    pixel_metamers: Sequence[PixelMetamer] = (),
    findings: Findings = NONE,
) -> Built:
    """Build a set of runs; a set that is there is replaced in one step, or left as it was.

    Parameters
    ----------
    records
        Every ``records.csv`` of the study's families and runs.
    study
        Name of the study.
    config
        What is taken, and how it is stored.
    out
        The file.
    provenance
        Plain data that goes into the set; the configuration and the refusals are added.
    progress
        Told (images done, of how many).
    left_out
        What was refused before, to be told with the rest.
    pixel_metamers
        Of any runs; those of runs that are taken go into the set.
    findings
        Of any targets and runs; those of what is taken go into the set.

    Raises
    ------
    InputError
        A record is of another study, no run is taken, an image or scene is missing, was altered
        or holds NaN or negative radiance, too much of an image is clipped, or the set cannot be
        written.
    """
    table, refused = selected(_read(records, study), config.accept)
    refusals = (*left_out, *refused)
    if table.empty:
        reasons = "; ".join(f"{each.name}: {each.reason}" for each in refusals) or "there is none"
        raise InputError(f"{out}: no run can be taken: {reasons}")
    table = _ordered(table)
    changes = _changes(table, config, progress)
    table = table.assign(
        clipped=[max(a, b) for a, (_, b) in zip(table["clipped"], changes, strict=True)],
        matching_gain=[change.gain for change, _ in changes],
        matching_offset=[change.offset for change, _ in changes],
    )
    check_clipping(table, config.most_clipped)
    taken = set(table["run"])
    found = write_set(
        out,
        _columns(table),
        _images(table, [change for change, _ in changes], config.bits, progress),
        _scenes(table),
        radiance=(_radiance(row) for row in table.itertuples()) if config.radiance else None,
        provenance={
            **provenance,
            "stimuli": config.model_dump(mode="json"),
            "refusals": {each.name: each.reason for each in refusals},
        },
        pixel_metamers=[each for each in pixel_metamers if each.run in taken],
        findings=findings.of(table),
        compression=config.compression,
    )
    return Built(found, table, refusals)


def check_clipping(table: pd.DataFrame, most: float) -> None:
    """Refuse images of which too many pixels lie outside of what the display can show.

    Null scenes are passed over: their colours are drawn at random, and models alone see them.

    Raises
    ------
    InputError
        Naming the worst image.
    """
    shown = table[table["role"] != "null"]
    too_many = shown[shown["clipped"] > most]
    if len(too_many):
        worst = too_many.sort_values("clipped").iloc[-1]
        raise InputError(
            f"{worst['radiance_file']}: {worst['clipped']:.1%} of its pixels are clipped (and "
            f"more than {most:.1%} in {len(too_many)} of {len(shown)} images); lower the target's "
            "film.exposure, give it a grey film.background if a lamp stands behind the object, or "
            "raise stimuli.most_clipped"
        )


def _read(paths: Sequence[Path], study: str) -> pd.DataFrame:
    """All records in one table; files become absolute paths."""
    seen: dict[str, Path] = {}
    rows: list[ImageRecord] = []
    folders: list[Path] = []
    for path in paths:
        for record in read_records(path):
            if record.study != study:
                raise InputError(
                    f"{path}: study: image '{record.id}' is of study '{record.study}', not of "
                    f"'{study}'; move the folder away"
                )
            if record.id in seen:
                raise InputError(
                    f"{path}: id: '{record.id}' names an image of {seen[record.id]} as well; move "
                    "one of them away"
                )
            seen[record.id] = path
            rows.append(record)
            folders.append(path.parent)
    table = frame(rows)
    for column in ("scene_file", "radiance_file"):
        table[column] = [
            str(inside(folder, name, folder / RECORDS_FILE))
            for folder, name in zip(folders, table[column], strict=True)
        ]
    return table


def _ordered(table: pd.DataFrame) -> pd.DataFrame:
    """Order of a set: hangs on what the images are, not on where their records lay."""
    ranks = table.assign(
        role_order=[ROLE_ORDER.index(role) for role in table["role"]],
        run=table["run"].fillna(""),
    )
    # What a family shares has no run, and comes first.
    return table.loc[ranks.sort_values(ORDER, kind="stable").index].reset_index(drop=True)


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    """The columns of a set."""
    files = ["schema_version", "scene_file", "radiance_file", "radiance_sha256"]
    files += ["display_file", "display_sha256"]
    return table.drop(columns=files).rename(columns={"id": "stimulus_id", "layers": "layer"})


def _film(row: Any) -> Film:
    return Film(exposure=float(row.exposure), tone_curve=row.tone_curve)


def _radiance(row: Any) -> NDArray[np.float32]:
    """Linear radiance of an image, as it was rendered."""
    path = Path(row.radiance_file)
    if not path.is_file():
        raise InputError(f"{path}: missing; image '{row.id}' needs it: mrd generate makes it anew")
    if file_sha256(path) != row.radiance_sha256:
        raise InputError(
            f"{path}: is not the file that was rendered (its SHA-256 differs); delete it, and mrd "
            "generate makes it anew"
        )
    pixels = read_picture(path).pixels
    if pixels.shape != (row.height, row.width, 3):
        raise InputError(f"{path}: is {pixels.shape}, and the record says {row.height}×{row.width}")
    return pixels


def _images(
    table: pd.DataFrame, changes: Sequence[Change], bits: int, progress: Progress
) -> Iterator[NDArray[Any]]:
    """Images as they are stored."""
    for number, (row, change) in enumerate(zip(table.itertuples(), changes, strict=True), 1):
        radiance = _radiance(row)
        if change == Change():
            yield quantised(encode(radiance, _film(row)), bits)
        else:
            yield stored(matched(shown_light(radiance, _film(row)), change)[0], bits)
        progress(number, len(table))


def _scenes(table: pd.DataFrame) -> Iterator[PackedScene]:
    """Each scene once."""
    for sha256, rows in table.groupby("scene", sort=False):
        path = Path(str(rows["scene_file"].iloc[0]))
        scene = read_scene(path)
        if scene.sha256 != sha256:
            raise InputError(
                f"{path}: is not the scene of image '{rows['id'].iloc[0]}' (its hash differs); mrd "
                "generate makes it anew"
            )
        yield packed(scene)


def _changes(
    table: pd.DataFrame, config: StimuliConfig, progress: Progress
) -> list[tuple[Change, float]]:
    """What matching does to each image, and the share of pixels that it clips."""
    if config.matching == "none":
        return [(Change(), 0.0)] * len(table)
    with_contrast = config.matching == "luminance_and_contrast"
    lights: list[Looks] = []
    for number, row in enumerate(table.itertuples(), 1):
        lights.append(looks(shown_light(_radiance(row), _film(row))))
        progress(number, len(table))
    changes: list[tuple[Change, float]] = []
    wanted = _wanted(table, lights)
    for row, here in zip(table.itertuples(), lights, strict=True):
        if here.luminance <= 0 or (with_contrast and here.contrast <= 0):
            what = "is black" if here.luminance <= 0 else "has no contrast"
            raise InputError(f"{row.radiance_file}: {what}, and cannot be matched to others")
        change = matching(here, wanted[str(row.family), str(row.light)], with_contrast)
        clipped = matched(shown_light(_radiance(row), _film(row)), change)[1]
        changes.append((change, clipped))
    return changes


def _wanted(table: pd.DataFrame, lights: Sequence[Looks]) -> dict[tuple[str, str], Looks]:
    """Mean statistics of a family under a light, over all images but the nulls."""
    measured = table[["family", "light", "role"]].assign(
        luminance=[each.luminance for each in lights], contrast=[each.contrast for each in lights]
    )
    means = measured[measured["role"] != "null"].groupby(["family", "light"])
    return {
        (str(family), str(light)): Looks(float(rows["luminance"].mean()), rows["contrast"].mean())
        for (family, light), rows in means
    }

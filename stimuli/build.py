"""Build a stimulus set from the records and images of a study's runs."""

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
from scenes.film import Film, encode, srgb_encode
from scenes.pictures.files import read_picture
from scenes.scene_files import read_scene
from stimuli import schema
from stimuli.aovs import aovs_of
from stimuli.config import StimuliConfig
from stimuli.encoding import (
    LightChange,
    LuminanceStatistics,
    changed_light,
    displayed_light,
    luminance_statistics,
    matching_change,
    quantised,
)
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
    """A built set: its content hash, its stimuli as a table of records, and the runs left out."""

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
    """Build a set from runs; an earlier file is replaced in one step.

    Parameters
    ----------
    records
        Every ``records.csv`` of the study's families and runs.
    study
        Name of the study.
    config
        Which runs are taken, and how images are stored.
    out
        The file.
    provenance
        Plain data on how the set was made; the configuration and the refusals are added.
    progress
        Called with (images done, number of images).
    left_out
        Runs and families that the caller leaves out, with the reason; reported with the others.
    pixel_metamers
        Pixel metamers of any runs; only those of accepted runs are stored.
    findings
        Findings for any targets and runs; only those of the set's stimuli are stored.

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
    content_hash = write_set(
        out,
        _columns(table),
        _images(table, [change for change, _ in changes], config.bits, progress),
        _scenes(table),
        radiance=(_radiance(row) for row in table.itertuples()) if config.radiance else None,
        aovs={kind: aovs_of(table.itertuples(), kind) for kind in config.aovs},
        provenance={
            **provenance,
            "stimuli": config.record(),
            "refusals": {each.name: each.reason for each in refusals},
        },
        pixel_metamers=[each for each in pixel_metamers if each.run in taken],
        findings=findings.of(table),
        compression=config.compression,
    )
    return Built(content_hash, table, refusals)


def check_clipping(table: pd.DataFrame, most: float) -> None:
    """Raise InputError, naming the worst image, if the share of clipped pixels is above `most`.

    Null scenes are ignored: their colours are random, and they are not shown to people.
    """
    shown = table[table["role"] != "null"]
    too_many = shown[shown["clipped"] > most]
    if len(too_many):
        worst = too_many.sort_values("clipped").iloc[-1]
        raise InputError(
            f"{worst['radiance_file']}: {worst['clipped']:.1%} of its pixels are clipped (and "
            f"more than {most:.1%} in {len(too_many)} of {len(shown)} images); lower the target's "
            "film.exposure, give it a grey film.background if a lamp is behind the object, or "
            "raise stimuli.most_clipped"
        )


def _read(paths: Sequence[Path], study: str) -> pd.DataFrame:
    """Return all records in one table, with absolute paths of files."""
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
    """Sort records in the order of a set, which does not depend on the order of the folders."""
    ranks = table.assign(
        role_order=[ROLE_ORDER.index(role) for role in table["role"]],
        run=table["run"].fillna(""),
    )
    # Images that a family shares have no run, and come first.
    return table.loc[ranks.sort_values(ORDER, kind="stable").index].reset_index(drop=True)


def _columns(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table of records with the columns of a set."""
    return table.drop(columns=list(schema.LEFT_OUT)).rename(columns=schema.RENAMED)


def _film(row: Any) -> Film:
    """Return the film that encodes an image of a record."""
    return Film(exposure=float(row.exposure), tone_curve=row.tone_curve)


def _radiance(row: Any) -> NDArray[np.float32]:
    """Read the linear radiance of an image; raise InputError if the file was altered."""
    path = Path(row.radiance_file)
    if not path.is_file():
        raise InputError(
            f"{path}: missing; image '{row.id}' needs it; run mrd generate to make it again"
        )
    if file_sha256(path) != row.radiance_sha256:
        raise InputError(
            f"{path}: is not the file that was rendered (its SHA-256 differs); delete it, and run "
            "mrd generate to make it again"
        )
    pixels = read_picture(path).pixels
    if pixels.shape != (row.height, row.width, 3):
        raise InputError(f"{path}: is {pixels.shape}, and the record says {row.height}×{row.width}")
    return pixels


def _images(
    table: pd.DataFrame, changes: Sequence[LightChange], bits: int, progress: Progress
) -> Iterator[NDArray[Any]]:
    """Yield the images of a table as they are stored."""
    for number, (row, change) in enumerate(zip(table.itertuples(), changes, strict=True), 1):
        radiance = _radiance(row)
        if change == LightChange():
            display = encode(radiance, _film(row))
        else:
            display = srgb_encode(changed_light(displayed_light(radiance, _film(row)), change)[0])
        yield quantised(display, bits)
        progress(number, len(table))


def _scenes(table: pd.DataFrame) -> Iterator[PackedScene]:
    """Yield each scene of a table once, in the form that a set stores."""
    for sha256, rows in table.groupby("scene", sort=False):
        path = Path(str(rows["scene_file"].iloc[0]))
        scene = read_scene(path)
        if scene.sha256 != sha256:
            raise InputError(
                f"{path}: is not the scene of image '{rows['id'].iloc[0]}' (its hash differs); run "
                "mrd generate to make it again"
            )
        yield packed(scene)


def _changes(
    table: pd.DataFrame, config: StimuliConfig, progress: Progress
) -> list[tuple[LightChange, float]]:
    """Return, for each image, the change that matching applies, and the share of pixels clipped."""
    if config.matching == "none":
        return [(LightChange(), 0.0)] * len(table)
    with_contrast = config.matching == "luminance_and_contrast"
    statistics: list[LuminanceStatistics] = []
    for number, row in enumerate(table.itertuples(), 1):
        statistics.append(luminance_statistics(displayed_light(_radiance(row), _film(row))))
        progress(number, len(table))
    changes: list[tuple[LightChange, float]] = []
    means = _family_means(table, statistics)
    for row, own in zip(table.itertuples(), statistics, strict=True):
        if own.luminance <= 0 or (with_contrast and own.contrast <= 0):
            what = "is black" if own.luminance <= 0 else "has no contrast"
            raise InputError(f"{row.radiance_file}: {what}, and cannot be matched to others")
        change = matching_change(own, means[str(row.family), str(row.light)], with_contrast)
        clipped = changed_light(displayed_light(_radiance(row), _film(row)), change)[1]
        changes.append((change, clipped))
    return changes


def _family_means(
    table: pd.DataFrame, statistics: Sequence[LuminanceStatistics]
) -> dict[tuple[str, str], LuminanceStatistics]:
    """Return the mean statistics of each family and light, over all images except the nulls."""
    measured = table[["family", "light", "role"]].assign(
        luminance=[each.luminance for each in statistics],
        contrast=[each.contrast for each in statistics],
    )
    return {
        (str(family), str(light)): LuminanceStatistics(
            float(rows["luminance"].mean()), float(rows["contrast"].mean())
        )
        for (family, light), rows in measured[measured["role"] != "null"].groupby(
            ["family", "light"]
        )
    }

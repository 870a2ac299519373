"""Write a stimulus set: from a table, images and scenes to one sealed file, in one step."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scenes.aov_kinds import Kind
from scenes.arrays import array_sha256
from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError, about
from stimuli import schema
from stimuli.aovs import write_aovs
from stimuli.findings import NONE, Findings, Records, write_findings
from stimuli.model_results import ModelResults, updated, write_results
from stimuli.packed_scene import PackedScene
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers, write_pixel_metamers
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import FILTERS, FullDiskFile, one_writer, sealed_file

Array = NDArray[Any]
SECONDS_FOR_RESULTS = 600.0  # how long to wait for another process: results may have taken hours


def write_set(
    path: Path,
    table: pd.DataFrame,
    images: Iterable[Array],
    scenes: Iterable[PackedScene],
    *,
    radiance: Iterable[Array] | None = None,
    aovs: Mapping[Kind, Iterable[Array]] | None = None,
    provenance: Mapping[str, Any] | None = None,
    models: Mapping[str, ModelResults] | None = None,
    pixel_metamers: Iterable[PixelMetamer] = (),
    findings: Findings = NONE,
    compression: Literal["gzip", "lzf"] = "gzip",
) -> str:
    """Write a set and return its content hash; an earlier file is replaced in one step.

    Parameters
    ----------
    path
        The file.
    table
        One row per stimulus, with the columns of `schema.COLUMNS`; hashes of images are filled in.
    images
        In the order of the rows, read one by one: (H, W, 3) uint8 or uint16, sRGB-encoded, all of
        one shape and type.
    scenes
        The scenes whose hash is in the table; others are ignored.
    radiance
        In the order of the rows: (H, W, 3), linear; stored as float16.
    aovs
        By kind, in the order of the rows: (H, W), or (H, W, 3) for normals and albedo.
    provenance
        Plain data on how the set was made; the version of the suite is added.
    models
        Results by the name of the model.
    pixel_metamers
        Pixel metamers of runs in the table.
    findings
        Predicted thresholds of targets in the table, reaches and warnings of its runs.
    compression
        ``gzip`` can be read by every HDF5 library, ``lzf`` is faster and read by h5py alone.

    Raises
    ------
    InputError
        The table is not valid, images are missing or differ in size or type, a scene is missing,
        another process writes the file, or it cannot be written.
    """
    path = Path(path)
    checked = schema.checked_table(table, str(path))
    with one_writer(path), whole_file(path) as beside, sealed_file(beside) as (file, disk):
        filters = FILTERS[compression]
        pictures = _until_disk_is_full(images, disk)
        checked["sha256"] = _write_pictures(file, schema.IMAGES, pictures, checked, path, filters)
        if radiance is not None:
            pictures = _until_disk_is_full(_as_float16(radiance), disk)
            hashes = _write_pictures(file, schema.RADIANCE, pictures, checked, path, filters)
            checked["radiance_sha256"] = hashes
        write_aovs(file, aovs or {}, len(checked), filters, path, disk.check)
        texts = _write_scenes(file, scenes, checked, path)
        columns = _write_table(file, checked)
        stored_hash = content_hash(columns, texts)
        file.attrs["format"] = schema.FORMAT
        file.attrs["schema_version"] = schema.SCHEMA_VERSION
        recorded = {**(provenance or {}), "written_by": schema.written_by()}
        file.attrs["provenance"] = json.dumps(recorded, sort_keys=True)
        file.attrs["content_hash"] = stored_hash
        file.create_group(schema.MODELS)
        for name, results in (models or {}).items():
            with about(str(path)):
                write_results(file, name, results, checked)
        write_pixel_metamers(file, pixel_metamers)
        for kind, records in findings._asdict().items():
            write_findings(file, kind, records)
    return stored_hash


def add_results(path: Path, models: Mapping[str, ModelResults], expected: str) -> None:
    """Add results of models, by name, to a set; `expected` is the content hash it must have.

    Other layers of the same model stay; results of a different model with the same name are
    replaced. A new file replaces the old one in one step, so readers of the old one are not
    disturbed, and the content hash stays. Several processes may add results at once: each waits for
    the others.

    Raises
    ------
    InputError
        The file holds another set now, results do not fit it, another process keeps writing it, or
        it cannot be written.
    """
    what = f"the results of {', '.join(models)}"
    with _changed(path, schema.MODELS, expected, what, "run mrd embed again") as (old, file):
        group = file.create_group(schema.MODELS)
        for name in old.models:
            if name not in models:
                old.file.copy(old.model_group(name), group)
        for name, results in models.items():
            earlier = old.results(name) if name in old.models else None
            with about(str(path)):
                write_results(file, name, updated(earlier, results), old.table)


def add_pixel_metamers(path: Path, entries: Sequence[PixelMetamer], expected: str) -> None:
    """Add pixel metamers of runs to a set, as `add_results` does; those of other runs stay."""
    again = "run mrd pixel-metamers again"
    with _changed(path, schema.PIXEL_METAMERS, expected, "pixel metamers", again) as (old, file):
        joined = read_pixel_metamers(old) | {entry.run: entry for entry in entries}
        write_pixel_metamers(file, joined.values())


def replace_findings(path: Path, kind: str, records: Records, expected: str) -> None:
    """Replace all findings of a kind (`stimuli.findings.KINDS`) in a set, as `add_results` does."""
    what = kind.replace("_", " ")
    with _changed(path, kind, expected, what, "run mrd stimuli build") as (_, file):
        write_findings(file, kind, records)


@contextmanager
def _changed(
    path: Path, part: str, expected: str, what: str, advice: str
) -> Iterator[tuple[StimulusSet, h5py.File]]:
    """Yield a set, and a copy without one part; after the block, the copy replaces the set."""
    with (
        one_writer(path, SECONDS_FOR_RESULTS),
        whole_file(path) as beside,
        StimulusSet(path) as old,
        sealed_file(beside) as (file, _),
    ):
        if old.content_hash != expected:
            raise InputError(
                f"{path}: attribute content_hash: {old.content_hash[:12]}, and {what} are of "
                f"{expected[:12]}: the file was replaced by another set; {advice}"
            )
        for name, value in old.file.attrs.items():
            file.attrs[name] = value
        for name in old.file:
            if name != part:
                old.file.copy(name, file)  # chunks are copied without decoding
        yield old, file


def _until_disk_is_full(pictures: Iterable[Array], disk: FullDiskFile) -> Iterator[Array]:
    """Yield pictures; raise OSError once a write has failed."""
    for picture in pictures:
        disk.check()
        yield picture


def content_hash(columns: Mapping[str, Array], scenes: Mapping[str, str]) -> str:
    """Return the content hash of a set, from its stored columns and the JSON of its scenes.

    It covers images by their column of hashes and arrays by the hashes in the JSON, but not the
    results of models.
    """
    digest = hashlib.sha256()
    for name in sorted(columns):
        values = columns[name]
        if values.dtype.kind == "S":  # the width of the column does not count
            hashed = hashlib.sha256(b"\0".join(values.tolist())).hexdigest()
        else:
            hashed = array_sha256(values)
        digest.update(f"{name} {hashed}\n".encode())
    for name in sorted(scenes):
        digest.update(f"{name} {hashlib.sha256(scenes[name].encode()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _write_pictures(
    file: h5py.File,
    name: str,
    pictures: Iterable[Array],
    table: pd.DataFrame,
    path: Path,
    filters: Mapping[str, Any],
) -> list[str]:
    """Write pictures, one per chunk; return their hashes."""
    waiting = iter(pictures)
    first = next(waiting, None)
    if first is None:
        raise InputError(f"{path}: {name}: there are none; a set needs at least one stimulus")
    allowed = ("float16",) if name == schema.RADIANCE else ("uint8", "uint16")
    if first.ndim != 3 or first.shape[2] != 3 or first.dtype.name not in allowed:
        raise InputError(
            f"{path}: {name}: {first.shape} {first.dtype}; use (H, W, 3) {' or '.join(allowed)}"
        )
    dataset = file.create_dataset(
        name,
        (len(table), *first.shape),
        first.dtype,
        chunks=(1, *first.shape),
        shuffle=first.dtype.itemsize > 1,
        **filters,
    )
    hashes: list[str] = []
    for picture in chain([first], waiting):
        if len(hashes) == len(table):
            raise InputError(f"{path}: {name}: more than the {len(table)} of the table")
        stimulus = table[schema.KEY][len(hashes)]
        if picture.shape != first.shape or picture.dtype != first.dtype:
            raise InputError(
                f"{path}: {name}: '{stimulus}' is {picture.shape} {picture.dtype}, others are "
                f"{first.shape} {first.dtype}; a set holds images of one size"
            )
        dataset[len(hashes)] = picture
        hashes.append(array_sha256(picture))
    if len(hashes) < len(table):
        raise InputError(f"{path}: {name}: '{table[schema.KEY][len(hashes)]}' is missing")
    return hashes


def _as_float16(radiance: Iterable[Array]) -> Iterator[Array]:
    """Yield radiance as float16; values that are too large become the largest float16."""
    for pixels in radiance:
        yield np.clip(pixels, 0, np.finfo(np.float16).max).astype(np.float16)


def _write_scenes(
    file: h5py.File, scenes: Iterable[PackedScene], table: pd.DataFrame, path: Path
) -> dict[str, str]:
    """Write each scene of the table and each array once; return the texts by id."""
    named = set(table["scene"])
    texts: dict[str, str] = {}
    group, arrays = file.create_group(schema.SCENES), file.create_group(schema.ARRAYS)
    for scene in scenes:
        if scene.sha256 not in named or scene.sha256 in texts:
            continue
        texts[scene.sha256] = scene.text
        group.create_dataset(scene.sha256, data=scene.text)
        for sha256, values in scene.arrays.items():
            if sha256 not in arrays:
                arrays.create_dataset(
                    sha256, data=values, chunks=values.shape, shuffle=True, **FILTERS["gzip"]
                )
    missing = table[~table["scene"].isin(texts)]
    if len(missing):
        row = missing.iloc[0]
        raise InputError(
            f"{path}: scenes/{row['scene']}: missing; stimulus '{row[schema.KEY]}' shows it"
        )
    return texts


def _write_table(file: h5py.File, table: pd.DataFrame) -> dict[str, Array]:
    """Write the columns, each with its description; return them as stored."""
    group = file.create_group(schema.STIMULI)
    columns: dict[str, Array] = {}
    for name, column in schema.COLUMNS.items():
        values = schema.stored_column(table[name], column.kind)
        if values.dtype.kind == "S":  # marks the bytes as UTF-8
            values = values.astype(h5py.string_dtype("utf-8", values.dtype.itemsize))
        dataset = group.create_dataset(
            name, data=values, chunks=values.shape, shuffle=True, **FILTERS["gzip"]
        )
        dataset.attrs["description"], dataset.attrs["unit"] = column.description, column.unit
        columns[name] = values
    return columns

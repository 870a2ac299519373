"""Write a stimulus set: from a table, images and scenes to one sealed file, whole or not at all."""

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

from scenes.arrays import array_sha256
from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError, about
from stimuli import schema
from stimuli.disk import PatientFile
from stimuli.findings import NONE, Findings, Records, write_findings
from stimuli.model_results import ModelResults, updated, write_results
from stimuli.one_writer import one_writer
from stimuli.packed_scene import PackedScene
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers, write_pixel_metamers
from stimuli.seal import BLOCK, seal
from stimuli.stimulus_set import StimulusSet

Array = NDArray[Any]
Compression = Literal["gzip", "lzf"]
SECONDS_FOR_RESULTS = 600.0  # hours went into them: they wait for another process to end its work
FILTERS: dict[Compression, dict[str, Any]] = {
    "gzip": {"compression": "gzip", "compression_opts": 1, "fletcher32": True},
    "lzf": {"compression": "lzf", "fletcher32": True},
}


def write_set(
    path: Path,
    table: pd.DataFrame,
    images: Iterable[Array],
    scenes: Iterable[PackedScene],
    *,
    radiance: Iterable[Array] | None = None,
    provenance: Mapping[str, Any] | None = None,
    models: Mapping[str, ModelResults] | None = None,
    pixel_metamers: Iterable[PixelMetamer] = (),
    findings: Findings = NONE,
    compression: Compression = "gzip",
) -> str:
    """Write a set; a file that is there is replaced in one step, or left as it was.

    Parameters
    ----------
    path
        The file.
    table
        A row a stimulus, in the columns of `schema.COLUMNS`; hashes of images are filled in here.
    images
        In the order of the rows, read one by one: (H, W, 3) uint8 or uint16, sRGB-encoded, all of
        one shape and type.
    scenes
        At least those that the table names by their hash.
    radiance
        In the order of the rows: (H, W, 3), linear; stored as float16.
    provenance
        Plain data: what the set was made of; the version of the suite is added.
    models
        Results by the name of the model.
    pixel_metamers
        Of runs that the table holds.
    findings
        Predicted thresholds of its targets, and reaches of its runs.
    compression
        ``gzip`` can be read by every HDF5 library, ``lzf`` is faster and read by h5py alone.

    Returns
    -------
    str
        The content hash.

    Raises
    ------
    InputError
        The table is refused, images are missing or do not fit each other, a scene is missing,
        another process writes the file, or it cannot be written.
    """
    path = Path(path)
    checked = schema.checked_table(table, str(path))
    with one_writer(path), whole_file(path) as beside, sealed_file(beside) as (file, disk):
        filters = FILTERS[compression]
        waiting = _while_there_is_room(images, disk)
        checked["sha256"] = _write_pictures(file, schema.IMAGES, waiting, checked, path, filters)
        if radiance is not None:
            waiting = _while_there_is_room(_halves(radiance), disk)
            checked["radiance_sha256"] = _write_pictures(
                file, schema.RADIANCE, waiting, checked, path, filters
            )
        texts = _write_scenes(file, scenes, checked, path)
        columns = _write_table(file, checked)
        found = content_hash(columns, texts)
        file.attrs["format"] = schema.FORMAT
        file.attrs["schema_version"] = schema.SCHEMA_VERSION
        made = {**(provenance or {}), "written_by": schema.written_by()}
        file.attrs["provenance"] = json.dumps(made, sort_keys=True)
        file.attrs["content_hash"] = found
        file.create_group(schema.MODELS)
        for name, results in (models or {}).items():
            with about(str(path)):
                write_results(file, name, results, checked)
        write_pixel_metamers(file, pixel_metamers)
        for kind, records in findings._asdict().items():
            write_findings(file, kind, records)
    return found


def add_results(path: Path, models: Mapping[str, ModelResults], expected: str) -> None:
    """Put results of models into a set; all else that it holds stays.

    Other layers of the very same model stay too; results of another model under the same name go.
    A new file is written and replaces the old one in one step, so that whoever reads the old one
    goes on reading it. The content hash stays. Several processes may add results at once: each
    waits for the others, and none undoes what another did.

    Parameters
    ----------
    path
        The set.
    models
        Results by the name of the model.
    expected
        Content hash of the set that they were made from.

    Raises
    ------
    InputError
        The file holds another set by now, results do not fit it, another process keeps writing
        it, or it cannot be written.
    """
    what = f"the results of {', '.join(models)}"
    with _changed(path, schema.MODELS, expected, what, "mrd embed it anew") as (old, file):
        kept = file.create_group(schema.MODELS)
        for name in old.models:
            if name not in models:
                old.file.copy(old.model_group(name), kept)
        for name, results in models.items():
            earlier = old.results(name) if name in old.models else None
            with about(str(path)):
                write_results(file, name, updated(earlier, results), old.table)


def add_pixel_metamers(path: Path, entries: Sequence[PixelMetamer], expected: str) -> None:
    """Put pixel metamers into a set, as `add_results` does; those of other runs stay.

    Parameters
    ----------
    path
        The set.
    entries
        Of runs that its table holds.
    expected
        Content hash of the set that they are for.

    Raises
    ------
    InputError
        The file holds another set by now, another process keeps writing it, or it cannot be
        written.
    """
    again = "run mrd pixel-metamers again"
    with _changed(path, schema.PIXEL_METAMERS, expected, "pixel metamers", again) as (old, file):
        joined = read_pixel_metamers(old) | {entry.run: entry for entry in entries}
        write_pixel_metamers(file, joined.values())


def replace_findings(path: Path, kind: str, records: Records, expected: str) -> None:
    """Put all findings of a kind into a set, in place of its own, as `add_results` does.

    Parameters
    ----------
    path
        The set.
    kind
        Of `stimuli.findings.KINDS`.
    records
        Of targets and runs that its table holds.
    expected
        Content hash of the set that they are for.

    Raises
    ------
    InputError
        The file holds another set by now, another process keeps writing it, or it cannot be
        written.
    """
    what = kind.replace("_", " ")
    with _changed(path, kind, expected, what, "run mrd stimuli build") as (_, file):
        write_findings(file, kind, records)


@contextmanager
def _changed(
    path: Path, part: str, expected: str, what: str, advice: str
) -> Iterator[tuple[StimulusSet, h5py.File]]:
    """Give a set, and a copy of it without one part that takes its place when the block ends well.

    Raises
    ------
    InputError
        As `add_results` says; `what` was made for the expected set, and `advice` is what to do.
    """
    with (
        one_writer(path, SECONDS_FOR_RESULTS),
        whole_file(path) as beside,
        StimulusSet(path) as old,
        sealed_file(beside) as (file, _),
    ):
        if old.content_hash != expected:
            raise InputError(
                f"{path}: attribute content_hash: {old.content_hash[:12]}, and {what} are of "
                f"{expected[:12]}: another set took its place meanwhile; {advice}"
            )
        for name, value in old.file.attrs.items():
            file.attrs[name] = value
        for name in old.file:
            if name != part:
                old.file.copy(name, file)  # chunks as they are
        yield old, file


@contextmanager
def sealed_file(path: Path) -> Iterator[tuple[h5py.File, PatientFile]]:
    """Give a new HDF5 file with room for a seal; when the block ends well, close and seal it.

    Yields
    ------
    file
        To write to.
    disk
        What it lies on: `disk.check` tells early that there is no more space.

    Raises
    ------
    OSError
        The file cannot be written: no space, no right.
    """
    with PatientFile(path) as disk:
        # The newer format checks its own metadata; every HDF5 since 1.10 (2016) reads it.
        with h5py.File(disk, "w", userblock_size=BLOCK, libver=("v110", "v110")) as file:
            yield file, disk
        disk.check()
    seal(path)


def _while_there_is_room(pictures: Iterable[Array], disk: PatientFile) -> Iterator[Array]:
    """Pictures, until the disk is full."""
    for picture in pictures:
        disk.check()
        yield picture


def content_hash(columns: Mapping[str, Array], scenes: Mapping[str, str]) -> str:
    """Hash what people see and what is said of it; not what models make of it.

    Parameters
    ----------
    columns
        Of the table, as stored; images enter by their column of hashes.
    scenes
        Id → JSON; arrays enter by the hashes in it.

    Returns
    -------
    str
        SHA-256, 64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for name in sorted(columns):
        values = columns[name]
        if values.dtype.kind == "S":  # the width of the column is no content
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
    """Write pictures, one a chunk; returns their hashes."""
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


def _halves(radiance: Iterable[Array]) -> Iterator[Array]:
    """Radiance as float16; what is larger than the type can hold becomes its largest."""
    for pixels in radiance:
        yield np.clip(pixels, 0, np.finfo(np.float16).max).astype(np.float16)


def _write_scenes(
    file: h5py.File, scenes: Iterable[PackedScene], table: pd.DataFrame, path: Path
) -> dict[str, str]:
    """Write each scene that the table names, and each array once; returns the texts by id."""
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
    """Write the columns, each with its description; returns them as stored."""
    group = file.create_group(schema.STIMULI)
    columns: dict[str, Array] = {}
    for name, column in schema.COLUMNS.items():
        values = schema.stored_column(table[name], column.kind)
        if values.dtype.kind == "S":  # to say that the bytes are UTF-8
            values = values.astype(h5py.string_dtype("utf-8", values.dtype.itemsize))
        made = group.create_dataset(
            name, data=values, chunks=values.shape, shuffle=True, **FILTERS["gzip"]
        )
        made.attrs["description"], made.attrs["unit"] = column.description, column.unit
        columns[name] = values
    return columns

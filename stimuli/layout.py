"""Checks that a set has all parts of its schema, each of the right kind, shape and type.

Only shapes, types and a few attributes are read here, not the data itself.
"""

import json
import math
import re
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from scenes.aov_kinds import CHANNELS
from scenes.base.errors import InputError, one_line
from stimuli import schema

_TEXT, _GROUP = "one text", "a group"
_RECORDS = (schema.PREDICTED_THRESHOLDS, schema.REACH, schema.RECOVERY, schema.WARNINGS)
_PIXELS = {"target": "uint8", "scene": "uint8", "pixel": "uint8"}
_COLUMNS = {"text": "S", "number": "f", "index": "iu", "flag": "b"}


def check_header(file: h5py.File, path: Path) -> None:
    """Raise InputError if a file is not a set, or has another schema version."""
    if attribute(file, "format") != schema.FORMAT:
        raise InputError(f"{path}: attribute format: the file is no stimulus set of this suite")
    version = attribute(file, "schema_version")
    if not isinstance(version, int | np.integer):
        raise InputError(
            f"{path}: attribute schema_version: is no whole number; the file was altered: restore "
            "it from a copy or build it again"
        )
    if version > schema.SCHEMA_VERSION:
        raise _newer_version(path, int(version), str(attribute(file, "provenance")))
    if version != schema.SCHEMA_VERSION:
        raise InputError(
            f"{path}: attribute schema_version: {version}, and this version of the suite reads "
            f"{schema.SCHEMA_VERSION}; build the set again: mrd stimuli build STUDY"
        )


def _newer_version(path: Path, version: int, provenance: str) -> InputError:
    """Return the error for a newer schema, with the version of the suite that wrote the file."""
    try:
        suite = json.loads(provenance)["written_by"]
    except (ValueError, KeyError, TypeError):  # newer versions may store something else there
        suite = None
    return InputError(
        f"{path}: attribute schema_version: {version}"
        f"{f' (written by version {suite} of the suite)' if suite else ''}, and this version of "
        f"the suite ({schema.written_by()}) reads {schema.SCHEMA_VERSION}; update the suite"
        f"{f' to {suite} or later' if suite else ''}"
    )


def attribute(found: Any, name: str) -> Any:
    """Return an attribute that is one text or number; None if it is missing or of another type."""
    try:
        value = found.attrs.get(name)
    except (OSError, RuntimeError, TypeError, ValueError):
        return None
    return value if isinstance(value, str | int | float | np.number) else None


class _Layout:
    """Methods that raise InputError if a part of a file differs from what is required."""

    def __init__(self, file: h5py.File, path: Path) -> None:
        self._file, self._path = file, path

    def wrong(self, place: str, what: str) -> InputError:
        """Return the error for a part of the file."""
        return InputError(
            f"{self._path}: {place}: {what}; the file is damaged or was altered: restore it from a "
            "copy or build it again"
        )

    def group(self, place: str) -> h5py.Group:
        """Return a group; raise if it is missing or a dataset."""
        item = self._file.get(place)
        if not isinstance(item, h5py.Group):
            raise self.wrong(place, self._found(item, _GROUP))
        return item

    def array(self, place: str, shape: tuple[int | None, ...] | None, kinds: str) -> h5py.Dataset:
        """Return a dataset; raise unless it has this shape and one of the types in `kinds`.

        In `shape`, None stands for any length but 0.
        """
        item = self._file.get(place)
        allowed = " or ".join(kinds.split())
        needed = allowed if shape is None else f"{_sides(shape)} {allowed}"
        if not isinstance(item, h5py.Dataset) or item.dtype.name not in kinds.split():
            raise self.wrong(place, self._found(item, needed))
        if shape is not None and (
            len(item.shape) != len(shape)
            or any(
                side == 0 if wanted is None else side != wanted
                for side, wanted in zip(item.shape, shape, strict=True)
            )
        ):
            raise self.wrong(place, self._found(item, needed))
        return item

    def text(self, place: str) -> None:
        item = self._file.get(place)
        if not isinstance(item, h5py.Dataset) or item.shape != () or not _is_text(item.dtype):
            raise self.wrong(place, self._found(item, _TEXT))

    def attribute(self, place: str, name: str, is_json: bool = False) -> None:
        """Check an attribute that holds a SHA-256, or the JSON of a mapping."""
        value = attribute(self._file[place or "/"], name)
        where = f"{place}: attribute {name}".removeprefix(": ")
        if not is_json:
            if not re.fullmatch("[0-9a-f]{64}", str(value)):
                raise self.wrong(where, "is missing, or no SHA-256")
            return
        try:
            content = json.loads(str(value))
        except (ValueError, RecursionError) as error:
            raise self.wrong(where, f"is missing, or no JSON ({one_line(error)})") from error
        if not isinstance(content, dict):
            raise self.wrong(where, "holds no mapping")

    def _found(self, item: Any, needed: str) -> str:
        """Return in words what is stored in place of what is needed."""
        if item is None:
            return f"missing; {needed} is needed"
        if isinstance(item, h5py.Dataset):
            return f"is {_sides(item.shape)} {item.dtype}; {needed} is needed"
        return f"is a group; {needed} is needed"


def check_layout(file: h5py.File, path: Path) -> None:
    """Raise InputError if a part of a set is missing or differs from the schema."""
    layout = _Layout(file, path)
    layout.attribute("", "content_hash")
    layout.attribute("", "provenance", is_json=True)
    layout.group(schema.STIMULI)
    key = file.get(f"{schema.STIMULI}/{schema.KEY}")
    count = math.prod(getattr(key, "shape", ()))
    for name, kinds in ((schema.IMAGES, "uint8 uint16"), (schema.RADIANCE, "float16")):
        if name == schema.IMAGES or name in file:
            stored = len(layout.array(name, (None, None, None, 3), kinds))
            if stored != count:
                raise layout.wrong(name, f"holds {stored}, the table has {count} rows")
    if schema.AOVS in file:
        _check_aovs(layout, file)
    for name, column in schema.COLUMNS.items():
        _check_column(layout, file, f"{schema.STIMULI}/{name}", column, count)
    for name in (schema.SCENES, schema.ARRAYS):  # of thousands, each is checked when read
        layout.group(name)
    for name in layout.group(schema.MODELS):
        _check_model(layout, f"{schema.MODELS}/{name}")
    for kind in (kind for kind in _RECORDS if kind in file):
        for name in layout.group(kind):
            layout.text(f"{kind}/{name}")
    if schema.PIXEL_METAMERS in file:
        for run in layout.group(schema.PIXEL_METAMERS):
            place = f"{schema.PIXEL_METAMERS}/{run}"
            layout.group(place)
            layout.attribute(place, "content_hash")
            for name, kind in _PIXELS.items():
                layout.array(f"{place}/{name}", (None, None, None, 3), kind)
            layout.text(f"{place}/record")


def _check_aovs(layout: _Layout, file: h5py.File) -> None:
    """Raise InputError if an AOV is unknown, or has another shape or type than the images need."""
    sides = file[schema.IMAGES].shape[:3]
    for kind in layout.group(schema.AOVS):
        place = f"{schema.AOVS}/{kind}"
        if kind not in CHANNELS:
            raise layout.wrong(place, f"is unknown; known: {', '.join(CHANNELS)}")
        depth = (3,) if len(CHANNELS[kind]) == 3 else ()
        layout.array(place, (*sides, *depth), schema.AOV_DTYPES[kind])
        layout.attribute(place, "sha256")


def _check_column(
    layout: _Layout, file: h5py.File, place: str, column: schema.Column, count: int
) -> None:
    """Raise InputError if a column of the table is missing, or has another length or type."""
    dataset = file.get(place)
    kind = getattr(dataset, "dtype", np.dtype(object)).kind
    if dataset is None or dataset.shape != (count,) or kind not in _COLUMNS[column.kind]:
        there = "missing" if dataset is None else f"is {_sides(dataset.shape)} {dataset.dtype}"
        raise layout.wrong(place, f"{there}; {count} values of kind {column.kind} are needed")


def _check_model(layout: _Layout, place: str) -> None:
    """Raise InputError if a part of a model's results is missing, or has another shape or type."""
    group = layout.group(place)
    layout.attribute(place, "record", is_json=True)
    layout.attribute(place, "content_hash")
    for name in group:
        inside = f"{place}/{name}"
        if name == schema.VERDICTS:
            for family in layout.group(inside):
                layout.text(f"{inside}/{family}")
            continue
        for family in layout.group(f"{inside}/{schema.DISTANCES}"):
            matrix = f"{inside}/{schema.DISTANCES}/{family}"
            layout.array(matrix, (None, None), "float32")
            layout.attribute(matrix, "images_sha256")
        for family in layout.group(f"{inside}/{schema.NULLS}"):
            matrix = f"{inside}/{schema.NULLS}/{family}"
            if layout.array(matrix, None, "float32").ndim != 2:
                raise layout.wrong(matrix, "is no matrix")


def _is_text(dtype: np.dtype[Any]) -> bool:
    return h5py.check_string_dtype(dtype) is not None


def _sides(shape: tuple[int | None, ...] | None) -> str:
    """Return a shape in words, such as "3 × any"."""
    return " × ".join("any" if side is None else str(side) for side in shape or ()) or "one"

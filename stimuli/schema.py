"""Parts of a stimulus set, the columns of its table, and the checks of a table.

The columns are those of the records that `mrd` writes (`stimuli.intake`) without the names of
files; building a set adds hashes of the stored arrays, and the changes that matching made.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from scenes.base.errors import InputError, nearest
from stimuli import intake

FORMAT = "mrd stimulus set"
SCHEMA_VERSION = 1

# Groups and datasets of the file.
IMAGES, RADIANCE = "images", "radiance"
STIMULI, SCENES, ARRAYS, MODELS = "stimuli", "scenes", "arrays", "models"
DISTANCES, NULLS, VERDICTS = "distances", "nulls", "verdicts"
PIXEL_METAMERS = "pixel_metamers"  # not in every set
# Not in every set.
PREDICTED_THRESHOLDS, REACH = "predicted_thresholds", "reach"
RECOVERY, WARNINGS = "recovery", "warnings"
AOVS = "aovs"
AOV_DTYPES: dict[str, str] = {
    "depth": "float32",
    "normals": "float16",
    "albedo": "float16",
    "mask": "float16",
    "object": "uint16",
}

KEY = "stimulus_id"
NONE = -1  # stored in place of a whole number that does not apply

Kind = Literal["text", "number", "index", "flag"]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Where a value does not apply, a ``text`` is empty, a ``number`` (float64) NaN and an ``index``
    (int64) missing; a ``flag`` is true or false.
    """

    kind: Kind
    description: str
    unit: str = ""
    levels: tuple[str, ...] = ()  # the only texts allowed; empty: any text
    optional: bool = False  # whether it may not apply


# Columns of image records that a set does not have: they describe files or the record itself.
LEFT_OUT = (
    "schema_version", "scene_file", "radiance_file", "radiance_sha256", "display_file",
    "display_sha256",
)  # fmt: skip
RENAMED = {"id": KEY, "layers": "layer"}
_ADDED = {
    "matching_gain": Column(
        "number", "Factor on the light of the image that matching applied; 1 without matching."
    ),
    "matching_offset": Column(
        "number",
        "Added to the light of the image by matching; 0 without it.",
        "share of the display's white",
    ),
    "sha256": Column("text", "SHA-256 of the stored image (type, shape, bytes)."),
    "radiance_sha256": Column(
        "text", "SHA-256 of the stored radiance; empty where none is stored.", optional=True
    ),
}


def _types(annotation: Any) -> set[Any]:
    """Return all types that an annotation names."""
    parts = get_args(annotation)
    return {annotation}.union(*map(_types, parts)) if parts else {annotation}


def _kind(types: set[Any]) -> Kind:
    """Return the kind of a column from its Python types."""
    kinds: dict[type, Kind] = {bool: "flag", int: "index", float: "number"}
    return next((kind for each, kind in kinds.items() if each in types), "text")


def _from_records() -> Iterator[tuple[str, Column]]:
    """Yield name and column for every column that comes from the image records."""
    described = intake.data_dictionary()
    for name, field in intake.ImageRecord.model_fields.items():
        if name not in LEFT_OUT:
            entry, types = described[name], _types(field.annotation)
            column = Column(
                _kind(types),
                entry["Description"],
                entry.get("Units", ""),
                tuple(entry.get("Levels", ())),
                type(None) in types,
            )
            yield RENAMED.get(name, name), column


COLUMNS: dict[str, Column] = dict(_from_records()) | _ADDED
"""Every column of a set, in order."""

# Filled in while a set is written.
WRITTEN = ("sha256", "radiance_sha256")


def written_by() -> str | None:
    """Return the version of the suite for the provenance of a set; None if it is not installed."""
    try:
        return metadata.version("mrd-suite")
    except metadata.PackageNotFoundError:
        return None


def data_dictionary() -> dict[str, dict[str, Any]]:
    """Describe every column as BIDS does, with `Description`, `Units` and `Levels`."""
    return {
        name: intake.described(column.description, column.unit, column.levels)
        for name, column in COLUMNS.items()
    }


def checked_table(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Return a table with exactly the columns, order and types of a set, rows numbered from 0.

    Optional columns, and those that `write_set` fills in, may be missing. Raises InputError (which
    begins with `where`) for other missing or unknown columns, bad values and repeated ids.
    """
    for name in table.columns:
        if name not in COLUMNS:
            raise InputError(
                f"{where}: stimuli: unknown column '{name}'; {nearest(str(name), COLUMNS)} "
                f"allowed: {', '.join(COLUMNS)}"
            )
    checked = pd.DataFrame(
        {name: _values(table, name, column, where) for name, column in COLUMNS.items()}
    )
    repeated = checked[KEY][checked[KEY].duplicated()]
    if len(repeated):
        raise InputError(
            f"{where}: stimuli/{KEY}: '{repeated.iloc[0]}' names more than one stimulus; "
            "give each its own"
        )
    return checked


def _values(table: pd.DataFrame, name: str, column: Column, where: str) -> pd.Series:
    """Return one column in its type; raise InputError if a value is missing or not allowed."""
    raw: pd.Series
    if name in table:
        raw = table[name].reset_index(drop=True)
    elif column.optional or name in WRITTEN:
        raw = pd.Series([None] * len(table), dtype=object)
    else:
        raise InputError(f"{where}: stimuli/{name}: missing; {column.description}")
    empty = raw.isna() | (raw == "" if raw.dtype.kind not in "fiub" else False)
    if empty.any() and not column.optional and name not in WRITTEN:
        row = int(np.flatnonzero(empty)[0])
        raise InputError(f"{where}: stimuli/{name}: row {row} is empty; {column.description}")
    try:
        values = _typed(raw, empty, column)
    except (TypeError, ValueError) as error:
        raise InputError(f"{where}: stimuli/{name}: {error}; a {column.kind} is needed") from error
    if column.levels:
        wrong = values[~empty & ~values.isin(column.levels)]
        if len(wrong):
            text = str(wrong.iloc[0])
            raise InputError(
                f"{where}: stimuli/{name}: '{text}' is not allowed; {nearest(text, column.levels)} "
                f"allowed: {', '.join(column.levels)}"
            )
    return values


def _typed(raw: pd.Series, empty: pd.Series, column: Column) -> pd.Series:
    """Return the values of a column in its type; `empty` marks those that do not apply."""
    match column.kind:
        case "text":
            return raw.astype(object).where(~empty, "").astype(str)
        case "number":
            return raw.astype(object).where(~empty, np.nan).astype(np.float64)
        case "index":
            whole = raw.astype(object).where(~empty, NONE)
            numbers = whole.astype(np.int64)
            if (whole != numbers).any():
                raise ValueError("not all are whole numbers")
            return numbers.astype("Int64").mask(empty) if column.optional else numbers
        case "flag":
            flags = raw.astype(bool)
            if (raw != flags).any():
                raise ValueError("not all are true or false")
            return flags


def stored_column(values: pd.Series, kind: Kind) -> np.ndarray:
    """Return the stored form of a column: (N,) UTF-8 bytes, float64, int64 or bool."""
    match kind:
        case "text":
            encoded = [str(value).encode() for value in values]
            width = max((len(each) for each in encoded), default=0)
            return np.array(encoded, dtype=f"S{max(width, 1)}")
        case "number":
            numbers = values.to_numpy(np.float64, copy=True)
            numbers[np.isnan(numbers)] = np.nan  # NaN has many bit patterns; with one, hashes agree
            return numbers
        case "index":
            return values.fillna(NONE).to_numpy(np.int64)
        case "flag":
            return values.to_numpy(np.bool_)


def table_column(stored: np.ndarray, column: Column) -> pd.Series:
    """Return a column of the table from the stored array: the inverse of `stored_column`."""
    match column.kind:
        case "text":
            return pd.Series(np.char.decode(stored, "utf-8"), dtype=str)
        case "index" if column.optional:
            return pd.Series(stored.astype(np.int64)).astype("Int64").mask(stored == NONE)
        case "index":
            return pd.Series(stored.astype(np.int64))
        case "number":
            return pd.Series(stored.astype(np.float64))
        case "flag":
            return pd.Series(stored.astype(bool))

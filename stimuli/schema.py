"""What a stimulus set holds: names of its parts, columns of its table, what is refused.

The columns are those of the records that `mrd` writes (`stimuli.intake`), without the names of
files, and with what packing adds: hashes of the stored arrays, and what matching did.
"""

import json
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
PREDICTED_THRESHOLDS, REACH = "predicted_thresholds", "reach"  # not in every set

KEY = "stimulus_id"
NONE = -1  # a whole number that does not apply

Kind = Literal["text", "number", "index", "flag"]


@dataclass(frozen=True)
class Column:
    """A column of the table.

    Parameters
    ----------
    kind
        ``text`` (empty where it does not apply), ``number`` (float64, NaN where it does not
        apply), ``index`` (int64, missing where it does not apply) or ``flag`` (true or false).
    description, unit
        For people; no unit is an empty text.
    levels
        The only texts allowed; empty where any is.
    optional
        Whether it may not apply.
    """

    kind: Kind
    description: str
    unit: str = ""
    levels: tuple[str, ...] = ()
    optional: bool = False


# Of the records: what speaks of files, and of the record itself.
_LEFT_OUT = {
    "schema_version",
    "scene_file",
    "radiance_file",
    "radiance_sha256",
    "display_file",
    "display_sha256",
}
_RENAMED = {"id": KEY, "layers": "layer"}
_ADDED = {
    "matching_gain": Column(
        "number", "Factor on the light of the image that matching applied; 1 where none was asked."
    ),
    "matching_offset": Column(
        "number",
        "Added to the light of the image by matching; 0 where none was asked.",
        "share of the display's white",
    ),
    "sha256": Column("text", "SHA-256 of the stored image (type, shape, bytes)."),
    "radiance_sha256": Column(
        "text", "SHA-256 of the stored radiance; empty where none is stored.", optional=True
    ),
}


def _types(annotation: Any) -> set[Any]:
    """All types that an annotation names."""
    parts = get_args(annotation)
    return {annotation}.union(*map(_types, parts)) if parts else {annotation}


def _kind(types: set[Any]) -> Kind:
    kinds: dict[type, Kind] = {bool: "flag", int: "index", float: "number"}
    return next((kind for each, kind in kinds.items() if each in types), "text")


def _from_records() -> Iterator[tuple[str, Column]]:
    described = intake.data_dictionary()
    for name, field in intake.ImageRecord.model_fields.items():
        if name not in _LEFT_OUT:
            entry, types = described[name], _types(field.annotation)
            column = Column(
                _kind(types),
                entry["Description"],
                entry.get("Units", ""),
                tuple(entry.get("Levels", ())),
                type(None) in types,
            )
            yield _RENAMED.get(name, name), column


COLUMNS: dict[str, Column] = dict(_from_records()) | _ADDED
"""Every column of a set, in order."""

# Filled in while a set is written.
WRITTEN = ("sha256", "radiance_sha256")


def written_by() -> str | None:
    """Version of the suite, for the provenance of a set; None where it is not installed."""
    try:
        return metadata.version("mrd-suite")
    except metadata.PackageNotFoundError:
        return None


def of_newer_version(where: str, version: int, reads: int, provenance: str) -> InputError:
    """Make the error for a set whose schema version is newer than those that are known here.

    Parameters
    ----------
    where
        The file.
    version, reads
        Its version, and the newest that is known.
    provenance
        Its provenance, as stored: it names the version of the suite that wrote the set.
    """
    try:
        suite = json.loads(provenance)["written_by"]
    except (ValueError, KeyError, TypeError):  # who knows what newer versions keep there
        suite = None
    known = suite is not None
    return InputError(
        f"{where}: attribute schema_version: {version}"
        f"{f' (written by version {suite} of the suite)' if known else ''}, and this version of "
        f"the suite ({written_by()}) reads {reads}; update the suite"
        f"{f' to {suite} or later' if known else ''}"
    )


def data_dictionary() -> dict[str, dict[str, Any]]:
    """Describe every column as BIDS does: `Description`, `Units` and `Levels` where it has them."""
    described: dict[str, dict[str, Any]] = {}
    for name, column in COLUMNS.items():
        described[name] = {"Description": column.description}
        if column.unit:
            described[name]["Units"] = column.unit
        if column.levels:
            described[name]["Levels"] = list(column.levels)
    return described


def checked_table(table: pd.DataFrame, where: str) -> pd.DataFrame:
    """Give a table the columns, order and types of a set, or refuse it.

    Parameters
    ----------
    table
        A row a stimulus. Columns that are optional, or filled in while a set is written, may be
        missing.
    where
        What to name in a refusal: the file.

    Returns
    -------
    DataFrame
        Rows in their order, numbered from 0.

    Raises
    ------
    InputError
        A column is missing or unknown, a value is not of its kind or not allowed, or two stimuli
        have one id.
    """
    for name in table.columns:
        if name not in COLUMNS:
            raise InputError(
                f"{where}: stimuli: unknown column '{name}'; {nearest(str(name), COLUMNS)} "
                f"allowed: {', '.join(COLUMNS)}"
            )
    made = pd.DataFrame(
        {name: _values(table, name, column, where) for name, column in COLUMNS.items()}
    )
    repeated = made[KEY][made[KEY].duplicated()]
    if len(repeated):
        raise InputError(
            f"{where}: stimuli/{KEY}: '{repeated.iloc[0]}' names more than one stimulus; "
            "give each its own"
        )
    return made


def _values(table: pd.DataFrame, name: str, column: Column, where: str) -> pd.Series:
    """One column in its type."""
    given: pd.Series
    if name in table:
        given = table[name].reset_index(drop=True)
    elif column.optional or name in WRITTEN:
        given = pd.Series([None] * len(table), dtype=object)
    else:
        raise InputError(f"{where}: stimuli/{name}: missing; {column.description}")
    empty = given.isna() | (given == "" if given.dtype.kind not in "fiub" else False)
    if empty.any() and not column.optional and name not in WRITTEN:
        row = int(np.flatnonzero(empty)[0])
        raise InputError(f"{where}: stimuli/{name}: row {row} is empty; {column.description}")
    try:
        values = _typed(given, empty, column)
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


def _typed(given: pd.Series, empty: pd.Series, column: Column) -> pd.Series:
    match column.kind:
        case "text":
            return given.astype(object).where(~empty, "").astype(str)
        case "number":
            return given.astype(object).where(~empty, np.nan).astype(np.float64)
        case "index":
            whole = given.astype(object).where(~empty, NONE)
            numbers = whole.astype(np.int64)
            if (whole != numbers).any():
                raise ValueError("not all are whole numbers")
            return numbers.astype("Int64").mask(empty) if column.optional else numbers
        case "flag":
            flags = given.astype(bool)
            if (given != flags).any():
                raise ValueError("not all are true or false")
            return flags


def stored_column(values: pd.Series, kind: Kind) -> np.ndarray:
    """Turn a column of a checked table into the array that a file holds.

    Returns
    -------
    ndarray
        (N,): fixed-length UTF-8 bytes (``S``), float64, int64 (−1 where it does not apply), bool.
    """
    match kind:
        case "text":
            encoded = [str(value).encode() for value in values]
            width = max((len(each) for each in encoded), default=0)
            return np.array(encoded, dtype=f"S{max(width, 1)}")
        case "number":
            numbers = values.to_numpy(np.float64, copy=True)
            numbers[np.isnan(numbers)] = np.nan  # one NaN of the many, so that hashes agree
            return numbers
        case "index":
            return values.fillna(NONE).to_numpy(np.int64)
        case "flag":
            return values.to_numpy(np.bool_)


def table_column(stored: np.ndarray, column: Column) -> pd.Series:
    """Turn the array that a file holds into a column of the table: inverse of `stored_column`."""
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

"""The history of a search: a CSV file that grows by one row per step.

A killed process may leave an incomplete last line.
"""

import csv
import io
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mrd.study.storage import writing
from scenes.base.atomic_files import whole_file


def append_row(path: Path, row: Mapping[str, Any]) -> None:
    """Add a row to the file; raise ValueError if its columns differ from those of the first row."""
    columns = _columns(path) or list(row)
    if set(columns) != set(row) or "step" not in row:
        raise ValueError(f"history has the columns {columns}, and the row {list(row)}")
    with writing(path), path.open("a", newline="", encoding="utf-8") as file:
        file.write(_csv_text([row], columns, header=file.tell() == 0))


def read_rows(path: Path) -> list[dict[str, float]]:
    """Return all complete rows in order; none if the file is missing."""
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8", errors="replace")
    complete = text[: text.rfind("\n") + 1]
    rows = []
    for row in csv.DictReader(io.StringIO(complete)):
        if None in row or None in row.values():
            continue
        with suppress(ValueError):
            rows.append({column: float(value) for column, value in row.items()})
    return rows


def cut_back(path: Path, step: int) -> None:
    """Remove the rows of all steps after `step`; delete the file if none remains."""
    if not path.is_file():
        return
    rows = [row for row in read_rows(path) if row["step"] <= step]
    if not rows:
        with writing(path):
            path.unlink()
        return
    with whole_file(path) as beside:
        text = _csv_text(rows, list(rows[0]), header=True)
        beside.write_text(text, encoding="utf-8", newline="")


def flush_to_disk(path: Path) -> None:
    """Write buffered rows to the disk, so that they survive a power failure."""
    if path.is_file():
        with writing(path), path.open("rb+") as file:
            os.fsync(file.fileno())


def _columns(path: Path) -> list[str]:
    if not path.is_file():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return next(csv.reader(file), [])


def _csv_text(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], header: bool) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows({column: _number(row[column]) for column in columns} for row in rows)
    return text.getvalue()


def _number(value: Any) -> str:
    """Return the shortest text that is read as the same number; whole numbers without a point."""
    number = float(value)
    return str(int(number)) if number.is_integer() and abs(number) < 2**53 else repr(number)

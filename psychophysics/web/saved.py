"""Sessions that the page saved: JSON, or a table below a line of JSON."""

import csv
import io
import json
import zlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import ValidationError, field_validator

from psychophysics.web.plan import FORMAT, VERSION
from scenes.base.errors import InputError, first_problem
from scenes.base.frozen import Frozen, between

MOST_BYTES = 50_000_000  # some 100 000 trials

Positive = Annotated[float, between(0, 1e6, above_low=True)]


class Sitting(Frozen):
    """One load of the page in which trials were shown."""

    started: str
    browser: str
    screen: tuple[Positive, Positive]
    window: tuple[Positive, Positive]
    pixel_ratio: Positive
    pixels_per_cm: Positive
    cm_per_pixel: Positive
    distance: Positive
    refresh_rate: Positive
    full_screen: bool

    @field_validator("started")
    @classmethod
    def _is_a_time(cls, value: str) -> str:
        if datetime.fromisoformat(value).tzinfo is None:
            raise ValueError(f"'{value}' has no time zone")
        return value


class Saved(Frozen):
    """A session as the page saved it."""

    format: Literal["mrd-web-session"]
    version: Literal[1]
    study: str
    task: str
    participant: str
    session: str
    facts: dict[str, Any]
    software: dict[str, str]
    sittings: tuple[Sitting, ...]
    finished: bool
    checksum: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def true_checksum(self) -> str:
        """The checksum of these rows."""
        return checksum([self.columns, *self.rows])


def checksum(rows: Sequence[Sequence[str]]) -> str:
    """Return the CRC-32 of rows, with a tab after each cell and a line feed after each row."""
    text = "".join("".join(f"{cell}\t" for cell in cells) + "\n" for cells in rows)
    return f"{zlib.crc32(text.encode()):08x}"


def read(path: Path) -> Saved:
    """Read a session that the page saved."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path}: more than {MOST_BYTES // 1_000_000} MB; not a session")
        text = path.read_text(encoding="utf-8-sig")
        content = _table(text) if text.startswith("#") else json.loads(text)
        json.dumps(content, ensure_ascii=False).encode()  # raises for lone surrogates
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, RecursionError, csv.Error) as error:
        raise _no_session(path, f"neither its JSON nor its table: {error}") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise _no_session(path, f"its format is not {FORMAT}")
    if content.get("version") != VERSION:
        raise InputError(
            f"{path}: has version {content.get('version')}, and this suite reads {VERSION}; "
            "import it with the version of the suite that made the page"
        )
    try:
        return Saved.model_validate(content)
    except ValidationError as error:
        raise _no_session(path, first_problem(error, content)) from error


def _table(text: str) -> dict[str, Any]:
    """Return the session in a table: the JSON above it, its columns and its rows."""
    first, _, rest = text.partition("\n")
    content = json.loads(first.removeprefix("#"))
    if not isinstance(content, dict):
        raise ValueError("the first line holds no mapping")
    lines = list(csv.reader(io.StringIO(rest, newline=""), strict=True))
    if not lines:
        raise ValueError("there is only one line")
    return content | {"columns": lines[0], "rows": lines[1:]}


def _no_session(path: Path, why: str) -> InputError:
    return InputError(
        f"{path}: not a session saved by a page of mrd experiment export-web: {why}; give the file "
        "unchanged"
    )

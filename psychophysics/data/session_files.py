"""Files of sessions in a data folder: which there are, and their bytes, each read once.

A session's table has one name and one place. What lies beside it (files of operating systems,
editors and synchronising programs) is never read. A table under another name or in another place is
a copy, or a session that went astray: `tables` refuses it, so that nothing counts twice or is
lost without a word.
"""

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from scenes.base.errors import InputError

MOST_BYTES = 200_000_000  # of one session's table: some 500 000 trials
PLACE = "sub-*/ses-*/beh/*_beh.tsv"
SUFFIX = ".tsv"
DEEPEST = 6  # folders below the data folder in which a table is looked for

_TABLE = re.compile(r"(sub-[A-Za-z0-9]+)_(ses-[A-Za-z0-9]+)_task-[A-Za-z0-9]+(_run-[0-9]+)?_beh")
_SYSTEM = ("__macosx", "@eadir", "$recycle.bin", "lost+found")


@dataclass(frozen=True)
class Found:
    """What a data folder holds."""

    tables: tuple[Path, ...]
    strays: tuple[Path, ...]


def find(folder: Path) -> Found:
    """Find the tables of sessions, and what looks like one."""
    tables: list[Path] = []
    strays: list[Path] = []
    for path in sorted(_candidates(folder)):
        own = path.is_file() and path.suffix == SUFFIX and path == _own_place(folder, path)
        (tables if own else strays).append(path)
    return Found(tuple(tables), tuple(strays))


def tables(folder: Path) -> list[Path]:
    """List the tables of sessions."""
    found = find(folder)
    for path in found.strays:
        raise _stray(folder, path)
    return list(found.tables)


def sidecars(folder: Path, participants: Iterable[str] | None = None) -> Iterator[Path]:
    """List the descriptions of sessions, of some participants or all; with or without a table."""
    named = ("*",) if participants is None else sorted(participants)
    for code in named:
        for path in sorted(folder.glob(f"sub-{code}/ses-*/beh/*_beh.json")):
            if path == _own_place(folder, path) and path.is_file():
                yield path


def is_of_system(name: str) -> bool:
    """Return whether an operating system or a program made a file or folder for itself."""
    return name.startswith((".", "~", "#")) or name.lower() in _SYSTEM


def _candidates(folder: Path, depth: int = 0) -> Iterator[Path]:
    try:
        entries = list(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror or error}") from error
    for path in entries:
        name = path.name.lower()
        if is_of_system(path.name) or (depth == 0 and "sub-" not in name):
            continue
        if name.endswith(".tsv") and "_beh" in name:
            yield path
        elif path.is_dir() and depth < DEEPEST:
            yield from _candidates(path, depth + 1)


def _own_place(folder: Path, path: Path) -> Path | None:
    """Return where a file of a session lies by its name; None where the name is of no session."""
    named = _TABLE.fullmatch(path.stem)
    return folder / named[1] / named[2] / "beh" / path.name if named else None


def _stray(folder: Path, path: Path) -> InputError:
    if path.is_dir():
        return InputError(
            f"{path}: is a folder with the name of a session's table; move it out of {folder}"
        )
    own = _own_place(folder, path)
    if own == path and path.suffix != SUFFIX:
        return InputError(
            f"{path}: ends in {path.suffix}, and tables of sessions end in {SUFFIX}; if it is a "
            f"copy, move it out of {folder}; else rename it"
        )
    if own is None or path.suffix != SUFFIX:
        return InputError(
            f"{path}: is not named sub-…_ses-…_task-…_beh.tsv, as tables of sessions are; if it is "
            f"a copy, keep the right one and move the other out of {folder}; else give it the name "
            "that it was written under"
        )
    return InputError(
        f"{path}: a session's table that is not in its place, {own.parent}; if it is a copy, move "
        f"it out of {folder}; else move it and its JSON file there"
    )


# ---- Bytes -------------------------------------------------------------------------------------


def table_bytes(path: Path) -> bytes:
    """Read a session's table."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise InputError(
                f"{path}: {size / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} MB are read for one "
                "session: split the file by session"
            )
        content = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if not content:
        raise InputError(
            f"{path}: is empty; restore it from a copy, or move the session out of the folder"
        )
    return content


def sidecar_bytes(table: Path) -> bytes:
    """Read the description beside a session's table."""
    path = table.with_suffix(".json")
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(
            f"{table}: its description {path.name} is missing; restore it from a copy, or move the "
            "table out of the folder"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error


def digest(table: bytes, sidecar: bytes) -> str:
    """Hash of a session: of the bytes of its table and of its description."""
    return " ".join(hashlib.sha256(content).hexdigest() for content in (table, sidecar))


def data_hash(digests: Iterable[tuple[str, str]]) -> str:
    """SHA-256 over sessions: pairs of a table's path in the data folder and its `digest`."""
    whole = hashlib.sha256()
    for name, each in sorted(digests):
        whole.update(f"{name} {each}\n".encode())
    return whole.hexdigest()


def hash_of(folder: Path) -> str:
    """Read every session of a folder, and return their `data_hash`."""
    return data_hash(
        (path.relative_to(folder).as_posix(), digest(table_bytes(path), sidecar_bytes(path)))
        for path in tables(folder)
    )

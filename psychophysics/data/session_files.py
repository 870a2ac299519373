"""Tables of sessions in a data folder, and their bytes.

Other files, such as those of operating systems and editors, are ignored. A table with another name
or in another place is a copy or was moved; `tables` raises, so that no session is counted twice or
missed.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from psychophysics.data.bids_names import TABLE_SUFFIX, expected_path, sidecars_of
from psychophysics.data.json_files import read_bytes
from scenes.base.errors import InputError

MOST_BYTES = 200_000_000  # of one table: about 500 000 trials
DEEPEST = 6  # levels of folders below the data folder that are searched for tables

_SYSTEM = ("__macosx", "@eadir", "$recycle.bin", "lost+found")


@dataclass(frozen=True)
class FoundTables:
    """Tables of sessions in a data folder, and files or folders that look like one."""

    tables: tuple[Path, ...]
    strays: tuple[Path, ...]


def find(folder: Path) -> FoundTables:
    """Return the tables of sessions, and files or folders that look like one, both sorted."""
    tables: list[Path] = []
    strays: list[Path] = []
    for path in sorted(_candidates(folder)):
        own = path.is_file() and path.suffix == TABLE_SUFFIX and path == expected_path(folder, path)
        (tables if own else strays).append(path)
    return FoundTables(tuple(tables), tuple(strays))


def tables(folder: Path) -> list[Path]:
    """Return the tables of sessions; raise if something else looks like one."""
    found = find(folder)
    for path in found.strays:
        raise _stray(folder, path)
    return list(found.tables)


def sidecars(folder: Path, participants: Iterable[str] | None = None) -> Iterator[Path]:
    """Yield the sidecars of some participants or of all, with or without a table."""
    for code in ("*",) if participants is None else sorted(participants):
        yield from sidecars_of(folder, code)


def is_of_system(name: str) -> bool:
    """Return whether an operating system or another program makes files of this name."""
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


def _stray(folder: Path, path: Path) -> InputError:
    if path.is_dir():
        return InputError(
            f"{path}: is a folder with the name of a session's table; move it out of {folder}"
        )
    own = expected_path(folder, path)
    if own == path and path.suffix != TABLE_SUFFIX:
        return InputError(
            f"{path}: ends in {path.suffix}, and tables of sessions end in {TABLE_SUFFIX}; if it "
            f"is a copy, move it out of {folder}; else rename it"
        )
    if own is None or path.suffix != TABLE_SUFFIX:
        return InputError(
            f"{path}: is not named sub-…_ses-…_task-…_beh.tsv, as tables of sessions are; if it is "
            f"a copy, keep the right one and move the other out of {folder}; else restore its "
            "original name"
        )
    return InputError(
        f"{path}: a session's table that is not in its place, {own.parent}; if it is a copy, move "
        f"it out of {folder}; else move it and its JSON file to that folder"
    )


# ---- Bytes -------------------------------------------------------------------------------------


def table_bytes(path: Path) -> bytes:
    """Return the bytes of a session's table; raise if it is empty or too large."""
    if path.is_file() and (size := path.stat().st_size) > MOST_BYTES:
        raise InputError(
            f"{path}: {size / 1e6:.0f} MB; at most {MOST_BYTES / 1e6:.0f} MB are read for one "
            "session: split the file by session"
        )
    content = read_bytes(path)
    if not content:
        raise InputError(
            f"{path}: is empty; restore it from a copy, or move the session out of the folder"
        )
    return content


def sidecar_bytes(table: Path) -> bytes:
    """Return the bytes of the sidecar of a session's table."""
    path = table.with_suffix(".json")
    if not path.exists():
        raise InputError(
            f"{table}: its sidecar {path.name} is missing; restore it from a copy, or move the "
            "table out of the folder"
        )
    return read_bytes(path)


def digest(table: bytes, sidecar: bytes) -> str:
    """Return the SHA-256 of a session's table and that of its sidecar, as one text."""
    return " ".join(hashlib.sha256(content).hexdigest() for content in (table, sidecar))


def data_hash(digests: Iterable[tuple[str, str]]) -> str:
    """Return one SHA-256 of sessions, each given as its table's path in the folder and `digest`."""
    whole = hashlib.sha256()
    for name, each in sorted(digests):
        whole.update(f"{name} {each}\n".encode())
    return whole.hexdigest()


def hash_sessions(folder: Path) -> str:
    """Return the `data_hash` of all sessions in a folder."""
    return data_hash(
        (path.relative_to(folder).as_posix(), digest(table_bytes(path), sidecar_bytes(path)))
        for path in tables(folder)
    )

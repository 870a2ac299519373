"""Sizes of finished files: a cheap check that none is missing or cut short.

The check does not see changed bytes in a file of the same size; a comparison of hashes does.
"""

from collections.abc import Iterable
from pathlib import Path

from mrd.study.storage import read_mapping, write_json

FILE = "files.json"


def note(folder: Path, paths: Iterable[Path]) -> None:
    """Write `files.json` into a folder: the sizes of those `paths`, all below it, that exist."""
    sizes = {path.relative_to(folder).as_posix(): _size(path) for path in paths}
    known = {
        name: size
        for name, size in sorted(sizes.items())
        if size is not None and not _is_system_file(name)
    }
    write_json(folder / FILE, known)


def differing(folder: Path) -> list[str]:
    """Return the listed files that are missing or changed in size; `files.json` if unreadable."""
    noted = read_mapping(folder / FILE)
    if noted is None:
        return [FILE]
    return [
        name
        for name, size in noted.items()
        if not _is_system_file(name) and _size(folder / name) != size
    ]


def _is_system_file(name: str) -> bool:
    """Return whether an operating system adds files of this name to folders, such as .DS_Store."""
    last = name.rpartition("/")[2]
    return last.startswith(".") or last.lower() in ("thumbs.db", "desktop.ini")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None

"""What finished work has left on disk, by size: a cheap look at whether all of it is still there.

A file that is gone or cut is seen at once; one whose bytes changed in place is not (hashes see it).
"""

import json
from collections.abc import Iterable
from pathlib import Path

from mrd.study.json_files import write_json

FILE = "files.json"


def note(folder: Path, paths: Iterable[Path]) -> None:
    """Write down the sizes of files.

    Parameters
    ----------
    folder
        Where the list is kept, and against which its names are taken.
    paths
        Files of this folder or below it; those that are not there are left out.

    Raises
    ------
    InputError
        The list cannot be written.
    """
    sizes = {path.relative_to(folder).as_posix(): _size(path) for path in paths}
    known = {
        name: size
        for name, size in sorted(sizes.items())
        if size is not None and not _is_of_the_system(name)
    }
    write_json(folder / FILE, known)


def differing(folder: Path) -> list[str]:
    """Name the files that are gone, or of another size than was noted.

    Where no list can be read there is nothing to compare with but the list: it is named itself.
    """
    try:
        noted = dict(json.loads((folder / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return [FILE]
    return [
        name
        for name, size in noted.items()
        if not _is_of_the_system(name) and _size(folder / name) != size
    ]


def _is_of_the_system(name: str) -> bool:
    """Tell whether a name is that of a file that a desktop leaves in folders, such as .DS_Store."""
    last = name.rpartition("/")[2]
    return last.startswith(".") or last.lower() in ("thumbs.db", "desktop.ini")


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size if path.is_file() else None
    except OSError:
        return None

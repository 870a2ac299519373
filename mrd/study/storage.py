"""Files of a study: JSON, locks (one process writes a folder), removal of unfinished files.

Whole files and folders are written with `scenes.base.atomic_files`.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout

from scenes.base.atomic_files import cannot_write, left_over_from, whole_file
from scenes.base.errors import InputError

LOCK = "lock"
SECONDS_FOR_LOCK = 2.0  # wait for a lock; longer than `mrd status` holds one


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn an OSError in the block into an InputError that names the path."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


# ---- JSON ---------------------------------------------------------------------------------------


def write_json(path: Path, content: Any) -> None:
    """Write indented JSON to a file, in one piece; numbers that are not finite become null."""
    text = json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False)
    with whole_file(path) as beside:
        beside.write_text(f"{text}\n", encoding="utf-8")


def read_mapping(path: Path) -> dict[str, Any] | None:
    """Return the object in a JSON file; None if the file is missing or holds anything else."""
    with suppress(OSError, ValueError):
        content = json.loads(path.read_text(encoding="utf-8"))
        return content if isinstance(content, dict) else None
    return None


def plain(content: Any) -> Any:
    """Return content as JSON types: NumPy numbers as Python's, tuples as lists, NaN as None."""
    if isinstance(content, np.generic | np.ndarray):
        content = content.tolist()
    if isinstance(content, Mapping):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [plain(value) for value in content]
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content


# ---- Locks --------------------------------------------------------------------------------------


@contextmanager
def locked(folder: Path, writer: Callable[[], str]) -> Iterator[None]:
    """Hold the lock of a folder; raise InputError if another process, `writer()`, holds it.

    The operating system releases the lock of a killed process at once.
    """
    lock = FileLock(folder / LOCK, timeout=SECONDS_FOR_LOCK)
    with writing(folder):
        try:
            lock.acquire()
        except Timeout as error:
            raise InputError(
                f"{folder} is being written by {writer()}; wait for it, or stop it first"
            ) from error
    try:
        yield
    finally:
        lock.release()


def is_locked(folder: Path) -> bool:
    """Return whether another process holds the lock of a folder, or the lock cannot be opened."""
    lock = folder / LOCK
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except (Timeout, OSError):  # an OSError on a read-only disk
        return True


def remove_leftovers(folder: Path, pattern: str) -> None:
    """Remove temporary files left by `whole_file` whose final path in the folder fits a pattern.

    The caller holds the lock of the folder, and the pattern matches only files that are written
    under this lock. Files that cannot be removed stay.
    """
    for path in (*folder.glob(".*"), *folder.glob("*/.*")):
        final = left_over_from(path.relative_to(folder))
        if final and re.fullmatch(pattern, final.as_posix()) and path.is_file():
            with suppress(OSError):
                path.unlink()

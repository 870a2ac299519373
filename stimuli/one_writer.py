"""One process at a time replaces a file; whoever reads needs to know nothing of it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from scenes.base.atomic_files import cannot_write, remove_leftovers, written_to
from scenes.base.errors import InputError

SECONDS = 2.0


@contextmanager
def one_writer(path: Path, seconds: float = SECONDS) -> Iterator[None]:
    """Be the one process that makes or replaces a file, such as a set.

    The operating system holds the lock, on an empty file beside it (``.<name>.lock``, which stays),
    so that of a killed process is free at once; what that process had not finished is removed.

    Parameters
    ----------
    path
        The file; its folder is made if it is missing.
    seconds
        How long to wait for another process to end its work.

    Raises
    ------
    InputError
        Another process writes the file, or its folder cannot be written.
    """
    real = written_to(path)  # several links to one file have one lock
    lock = FileLock(real.with_name(f".{real.name}.lock"), timeout=seconds)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        raise InputError(
            f"{path}: is being written by another process; wait until it is done, and run this "
            "again"
        ) from error
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        remove_leftovers(path)
        yield
    finally:
        lock.release()

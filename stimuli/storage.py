"""Files of stimulus sets: locks, full disks, and the seal, a hash of the whole file.

The seal is the SHA-256 of the rest of the file, in a user block of 512 bytes. HDF5's own checksums
do not cover attributes and indices.
"""

import hashlib
import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import h5py
from filelock import FileLock, Timeout

from scenes.base.atomic_files import cannot_write, remove_leftovers, written_to
from scenes.base.errors import InputError

BLOCK = 512  # bytes: the smallest user block of HDF5
SECONDS_FOR_LOCK = 2.0
FILTERS: dict[Literal["gzip", "lzf"], dict[str, Any]] = {
    "gzip": {"compression": "gzip", "compression_opts": 1, "fletcher32": True},
    "lzf": {"compression": "lzf", "fletcher32": True},
}
_DIGITS = frozenset(b"0123456789abcdef")


@contextmanager
def one_writer(path: Path, seconds: float = SECONDS_FOR_LOCK) -> Iterator[None]:
    """Lock a file while the block writes it; raise InputError if another process has locked it.

    The lock is on an empty file beside it (``.<name>.lock``, which stays). The operating system
    frees the lock of a killed process; unfinished files of that process are removed.
    """
    real = written_to(path)  # several links to one file share one lock
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


class FullDiskFile(io.FileIO):
    """A new file for HDF5 that stores the error of a failed write until `check` raises it.

    If the HDF5 library itself cannot write, it cannot close its file either and may end the
    process. This file accepts every write; the caller stops when `check` raises.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+b")
        self._error: OSError | None = None

    def check(self) -> None:
        """Raise the first error of a write (OSError)."""
        if self._error is not None:
            raise self._error

    def write(self, content: Any) -> int:
        """Write all of the content; if that fails, store the error."""
        rest = memoryview(content)
        try:
            while len(rest) and self._error is None:
                rest = rest[super().write(rest) :]
        except OSError as error:
            self._error = error
        return len(content)

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; bytes that were never written, because a write failed, are zero."""
        view = memoryview(buffer)
        done = super().readinto(view) or 0
        view[done:] = bytes(len(view) - done)
        return len(view)

    def truncate(self, size: int | None = None) -> int:
        """Change the length; if that fails, store the error."""
        try:
            return super().truncate(size)
        except OSError as error:
            self._error = self._error or error
            return size or 0


@contextmanager
def sealed_file(path: Path) -> Iterator[tuple[h5py.File, FullDiskFile]]:
    """Yield a new HDF5 file and the `FullDiskFile` that it writes to; close and seal it afterwards.

    `FullDiskFile.check` raises OSError early if the disk is full.
    """
    with FullDiskFile(path) as disk:
        try:
            # The newer format checks its own metadata; every HDF5 since 1.10 (2016) reads it.
            with h5py.File(disk, "w", userblock_size=BLOCK, libver=("v110", "v110")) as file:
                yield file, disk
        finally:
            disk.check()  # a failed write is the cause of any later error of HDF5
    seal(path)


def seal(path: Path) -> None:
    """Write the SHA-256 of a closed HDF5 file into its user block."""
    with path.open("rb+") as file:
        block = _expected_block(path)
        file.seek(0)
        file.write(block)


def check_seal(path: Path) -> None:
    """Raise InputError if a set is missing, has no seal, or has changed since it was sealed."""
    try:
        with path.open("rb") as file:
            stored = file.read(BLOCK)
        expected = _expected_block(path)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there is no such file; mrd stimuli build STUDY makes one"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if stored == expected:
        return
    if len(stored) < BLOCK or not set(stored[:64]) <= _DIGITS:
        raise InputError(
            f"{path}: user block: holds no seal; the file is no stimulus set, or was altered; "
            "restore it from a copy or build it again"
        )
    raise InputError(
        f"{path}: user block: the SHA-256 of the file is not the one that was sealed; the file was "
        "altered or cut short; restore it from a copy or build it again"
    )


def _expected_block(path: Path) -> bytes:
    """Return the user block that a file should have: its SHA-256 in hexadecimal, then zeros."""
    with path.open("rb") as file:
        file.seek(BLOCK)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest.encode().ljust(BLOCK, b"\0")

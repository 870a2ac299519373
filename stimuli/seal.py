"""The seal of a set: a user block of 512 bytes with the SHA-256 of the rest of the file.

HDF5's own checksums leave gaps, attributes and indices uncovered; the seal covers every byte, its
own padding included.
"""

import hashlib
from pathlib import Path

from scenes.base.errors import InputError

BLOCK = 512  # bytes: the smallest user block that HDF5 knows
_DIGITS = frozenset(b"0123456789abcdef")


def seal(path: Path) -> None:
    """Write the hash of everything behind the user block into it.

    Parameters
    ----------
    path
        A closed HDF5 file with a user block of 512 bytes.

    Raises
    ------
    OSError
        It cannot be written.
    """
    with path.open("rb+") as file:
        block = _block(path)
        file.seek(0)
        file.write(block)


def check_seal(path: Path) -> None:
    """Find out whether any byte of the file differs from what was sealed.

    Raises
    ------
    InputError
        The file is missing, is no stimulus set, was cut short, or has changed.
    """
    try:
        with path.open("rb") as file:
            found = file.read(BLOCK)
        expected = _block(path)
    except FileNotFoundError as error:
        raise InputError(
            f"{path}: there is no such file; mrd stimuli build STUDY makes one"
        ) from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if found == expected:
        return
    if len(found) < BLOCK or not set(found[:64]) <= _DIGITS:
        raise InputError(
            f"{path}: user block: holds no seal; the file is no stimulus set, or was altered; "
            "restore it from a copy or build it again"
        )
    raise InputError(
        f"{path}: user block: the SHA-256 of the file is not the one that was sealed; the file was "
        "altered or cut short; restore it from a copy or build it again"
    )


def _block(path: Path) -> bytes:
    """What the user block has to be: 64 hexadecimal digits and zeros."""
    with path.open("rb") as file:
        file.seek(BLOCK)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return digest.encode().ljust(BLOCK, b"\0")

"""The hash by which a file is known, whatever its name."""

import hashlib
from pathlib import Path


def file_sha256(path: Path) -> str:
    """Hash a file's content with SHA-256.

    Returns
    -------
    str
        64 hexadecimal digits.

    Raises
    ------
    OSError
        When the file cannot be read.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

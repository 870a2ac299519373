"""File names in records: each file must be in the folder of the record.

Records travel with studies from other people. A name such as ``../../notes.txt`` would let them
choose which file is read, published or deleted. A file in the folder may be a symbolic link to
anywhere: git-annex and DataLad store every file as one.
"""

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from scenes.base.errors import InputError


def is_inside(name: Any) -> bool:
    """Return whether a name from a record is a relative path without ``..``."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    kinds = (PurePosixPath(name), PureWindowsPath(name))
    return all(not (path.anchor or path.drive or ".." in path.parts) for path in kinds)


def below(folder: Path, name: Any, record: Path) -> Path:
    """Return the path in `folder` that a record names; raise if it is not a relative path below it.

    Symbolic links are not followed.
    """
    if not is_inside(name):
        raise InputError(
            f"{record}: '{name}' does not name a file below {folder}; write the record again, or "
            "use a relative name without '..'"
        )
    return folder / str(name)


def inside(folder: Path, name: Any, record: Path) -> Path:
    """Return the path in `folder` that a record names; raise if a linked folder leads out of it."""
    path = below(folder, name, record)
    try:
        real, home = path.resolve(), folder.resolve()
        if path.is_symlink() and not real.is_dir():  # deleting it removes only the link
            real = path.parent.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
        raise InputError(f"{path}: is a link in a circle of links; remove it") from error
    if not real.is_relative_to(home):
        raise InputError(
            f"{path}: is reached by a linked folder that leads out of {folder}, where files that "
            f"{record.name} names must be; replace the link by the folder"
        )
    return path

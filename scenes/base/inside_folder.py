"""Names of files in records: each has to lie in the folder of the record.

Records travel with studies of others. A name such as ``../../notes.txt`` would let them choose what
is read, published or deleted here. A file in the folder may itself be a symbolic link to anywhere:
git-annex and DataLad store every file so.
"""

from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from scenes.base.errors import InputError


def is_inside(name: Any) -> bool:
    """Tell whether a name leads to something below a folder: relative, and nowhere up.

    Parameters
    ----------
    name
        From a record; anything.
    """
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    kinds = (PurePosixPath(name), PureWindowsPath(name))
    return all(not (path.anchor or path.drive or ".." in path.parts) for path in kinds)


def below(folder: Path, name: Any, record: Path) -> Path:
    """Return the path of what a record names; symbolic links are not looked at (see `inside`).

    Raises
    ------
    InputError
        The name is no text, is absolute, or leads up (``..``).
    """
    if not is_inside(name):
        raise InputError(
            f"{record}: '{name}' does not name a file below {folder}; write the record again, or "
            "use a relative name without '..'"
        )
    return folder / str(name)


def inside(folder: Path, name: Any, record: Path) -> Path:
    """Return the path of a file that a record names.

    Parameters
    ----------
    folder
        That the name is relative to. The folder itself may be a symbolic link.
    name
        From the record.
    record
        The file that holds the name, for the message.

    Raises
    ------
    InputError
        The name is no text, is absolute, leads up (``..``), or leads through a folder that is a
        symbolic link to a place outside.
    """
    path = below(folder, name, record)
    try:
        real, home = path.resolve(), folder.resolve()
        if path.is_symlink() and not real.is_dir():  # to delete it removes the link alone
            real = path.parent.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle of links
        raise InputError(f"{path}: is a link that leads round in a circle; remove it") from error
    if not real.is_relative_to(home):
        raise InputError(
            f"{path}: is reached by a linked folder that leads out of {folder}, where files that "
            f"{record.name} names have to lie; put the folder itself there"
        )
    return path

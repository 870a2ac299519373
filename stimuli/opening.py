"""Open the file of a stimulus set: checked before anything of it is read."""

from collections.abc import Callable, Iterable
from pathlib import Path

import h5py

from scenes.base.errors import InputError, one_line
from stimuli import schema
from stimuli.layout import check_header, check_layout
from stimuli.own_objects import check_own_objects

LAZILY = frozenset({schema.IMAGES, schema.RADIANCE})
# What reading a damaged file, or JSON that says something else, ends with.
DAMAGED = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)


def opened(path: Path) -> h5py.File:
    """Open a set to read.

    Raises
    ------
    InputError
        It is missing, broken, no stimulus set, of another schema version, not laid out as a set
        is, or holds anything but ordinary datasets of its own.
    """
    return _checked(path, (check_header, _leads_nowhere, check_layout))


def opened_alone(path: Path) -> h5py.File:
    """Open a file of any version, after a check that it leads to no other file.

    Raises
    ------
    InputError
        It is missing, no HDF5 file, or holds anything but ordinary datasets of its own.
    """
    return _checked(path, (_leads_nowhere,))


def _checked(path: Path, checks: Iterable[Callable[[h5py.File, Path], None]]) -> h5py.File:
    """Open a file, and close it again where a check refuses it."""
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name the file of the stimulus set")
    if not path.is_file():
        raise InputError(f"{path}: there is no such file; mrd stimuli build STUDY makes one")
    try:
        # Without HDF5's locks, which network shares refuse: a set is replaced whole, never changed.
        file = h5py.File(path, "r", locking=False)
    except (OSError, RuntimeError) as error:
        raise damaged(path, error) from error
    try:
        for check in checks:
            check(file, path)
    except DAMAGED as error:
        file.close()
        raise damaged(path, error) from error
    except InputError:
        file.close()
        raise
    return file


def _leads_nowhere(file: h5py.File, path: Path) -> None:
    check_own_objects(file, path, LAZILY)


def damaged(path: Path, error: Exception) -> InputError:
    """Make the error for a file that cannot be read as a set."""
    return InputError(
        f"{path}: is no HDF5 file, or a damaged one ({one_line(error)}); restore it from a copy or "
        "build it again"
    )

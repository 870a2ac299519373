"""Open the file of a stimulus set, after checks of its header, objects and layout."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from scenes.base.errors import InputError, one_line
from stimuli.layout import check_header, check_layout
from stimuli.own_objects import check_own_objects

# Exceptions that a damaged file, or JSON with unexpected content, can raise while it is read.
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


def open_set(path: Path) -> h5py.File:
    """Open a set to read; raise InputError if it is missing, damaged or of another version."""
    return _checked(path, (check_header, check_own_objects, check_layout))


def open_any_version(path: Path) -> h5py.File:
    """Open a file of any version to read; raise InputError if it refers to other files."""
    return _checked(path, (check_own_objects,))


def _checked(path: Path, checks: Iterable[Callable[[h5py.File, Path], None]]) -> h5py.File:
    """Open a file and apply checks; raise InputError if one fails or the file is damaged."""
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


def damaged(path: Path, error: Exception) -> InputError:
    """Return the error for a file that cannot be read as a set."""
    return InputError(
        f"{path}: is no HDF5 file, or a damaged one ({one_line(error)}); restore it from a copy or "
        "build it again"
    )


@contextmanager
def reading(path: Path, dataset: str) -> Iterator[None]:
    """Add file and dataset to the error if the block cannot read them."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {dataset}: {error}") from error
    except DAMAGED as error:
        raise InputError(
            f"{path}: {dataset}: cannot be read ({one_line(error)}); the file is damaged: restore "
            "it from a copy or build it again"
        ) from error

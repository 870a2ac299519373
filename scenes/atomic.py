"""Files and folders appear whole or not at all: written beside, then renamed."""

import glob
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scenes.errors import InputError


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it becomes `path`.

    Parameters
    ----------
    path
        The file to write; its folder is made if it is missing.

    Yields
    ------
    Path
        In the same folder, with the same suffix, so that the rename is atomic and libraries that
        look at the suffix work.

    Raises
    ------
    InputError
        When the folder or the file cannot be written (no right, no space).
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix
        )
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    beside = Path(name)
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        # mkstemp gives the owner alone the right to read.
        beside.chmod(0o666 & ~_umask())
        beside.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Give a temporary folder to fill; when the block ends well, it becomes `path`.

    Parameters
    ----------
    path
        The folder to make; the folder around it is made if it is missing.

    Yields
    ------
    Path
        In the same folder, so that the rename is atomic.

    Raises
    ------
    InputError
        When `path` is there and not an empty folder, or cannot be written.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: is there already; name a new folder, or remove that one")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}-"))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield beside
        # mkdtemp gives the owner alone the right to look in.
        beside.chmod(0o777 & ~_umask())
        if path.is_dir():  # some systems rename onto no folder, an empty one included
            path.rmdir()
        beside.rename(path)
        _sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove what `whole_file` and `whole_folder` left beside a path when they were killed.

    Only for who holds the lock of the path: what another process is writing looks the same. What
    cannot be removed stays.

    Parameters
    ----------
    path
        The file or folder that was to be written; it stays as it is.
    """
    # Eight letters are tempfile's; no hyphen is among them, so `a` is not taken for `a-b`.
    file = rf"\.{re.escape(path.stem)}-[a-z0-9_]{{8}}{re.escape(path.suffix)}"
    folder = rf"\.{re.escape(path.name)}-[a-z0-9_]{{8}}"
    for beside in path.parent.glob(f".{glob.escape(path.stem)}*"):
        if beside.is_dir():
            if re.fullmatch(folder, beside.name):
                shutil.rmtree(beside, ignore_errors=True)
        elif re.fullmatch(file, beside.name):
            with suppress(OSError):
                beside.unlink()


def left_over_from(path: Path) -> Path | None:
    """Return the file that `whole_file` was writing by way of a temporary one; None for others.

    Parameters
    ----------
    path
        A file, by its name alone: the disk is not looked at.
    """
    # Eight letters are tempfile's; see `remove_leftovers`.
    found = re.fullmatch(r"\.(.+)-[a-z0-9_]{8}(\.[^.]+)?", path.name)
    return path.with_name(found[1] + (found[2] or "")) if found else None


def check_writable(folder: Path) -> None:
    """Make a folder if it is missing, and find out whether files can be written into it.

    Raises
    ------
    InputError
        When they cannot.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise cannot_write(folder, error) from error


def cannot_write(path: Path, error: OSError) -> InputError:
    """Make the error for a file that cannot be written.

    Parameters
    ----------
    path
        The file.
    error
        What the system said.
    """
    return InputError(f"{path}: cannot be written: {error.strerror or error}")


def _sync_folder(folder: Path) -> None:
    """Put the renamed entry on the disk as well: the file's own fsync leaves its folder out."""
    if os.name == "nt":  # Windows opens no folders
        return
    with suppress(OSError):  # a folder that cannot be listed; file systems that sync no folders
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Files and folders appear whole or not at all: written beside, then renamed."""

import glob
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scenes.base.errors import InputError


def written_to(path: Path) -> Path:
    """Return the path that is written for another: where a symbolic link leads, else the same.

    So a link such as ``stimuli.h5 → /scratch/stimuli.h5`` stays a link, and the file that it leads
    to is replaced.

    Parameters
    ----------
    path
        Of a file or folder that may be missing.

    Raises
    ------
    InputError
        A link leads round in a circle, or into a folder that is missing.
    """
    if not path.is_symlink():
        return path
    try:
        real = path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle, in Python before 3.13
        raise InputError(f"{path}: is a link that leads round in a circle; remove it") from error
    if real.is_symlink():  # a circle, in Python from 3.13 on
        raise InputError(f"{path}: is a link that leads round in a circle; remove it")
    if not real.parent.is_dir():
        raise InputError(
            f"{path}: is a link to {real}, whose folder is missing; make that folder (or mount its "
            "disk), or remove the link"
        )
    return real


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a temporary path to write to; when the block ends well, it becomes `path`.

    A file that is replaced gives its rights to the new one. Of a symbolic link, the file that it
    leads to is replaced.

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
    real = written_to(path)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(
            dir=real.parent, prefix=f".{path.stem}-", suffix=path.suffix
        )
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    beside = Path(name)
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.chmod(_rights(real))  # mkstemp gives the owner alone the right to read
        beside.replace(real)
        _sync_folder(real.parent)
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
    real = written_to(path)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=real.parent, prefix=f".{path.name}-"))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield beside
        # mkdtemp gives the owner alone the right to look in.
        beside.chmod(0o777 & ~_umask())
        if real.is_dir():  # some systems rename onto no folder, an empty one included
            real.rmdir()
        beside.rename(real)
        _sync_folder(real.parent)
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
    folder_of = written_to(path).parent
    # Eight letters are tempfile's; no hyphen is among them, so `a` is not taken for `a-b`.
    file = rf"\.{re.escape(path.stem)}-[a-z0-9_]{{8}}{re.escape(path.suffix)}"
    folder = rf"\.{re.escape(path.name)}-[a-z0-9_]{{8}}"
    for beside in folder_of.glob(f".{glob.escape(path.stem)}*"):
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


def _rights(path: Path) -> int:
    """Rights of a file that is there; else those that the user gives to new files."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o666 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Write files and folders atomically: under a temporary name, then renamed."""

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

# What tempfile adds to a name. It contains no second hyphen, so that a temporary file of `a-b` is
# never mistaken for one of `a`.
RANDOM = "-[a-z0-9_]{8}"


def written_to(path: Path) -> Path:
    """Return the path that a write to `path` replaces: the target of a symbolic link, or `path`."""
    if not path.is_symlink():
        return path
    circle = InputError(f"{path}: is a link in a circle of links; remove it")
    try:
        real = path.resolve()
    except (OSError, RuntimeError) as error:  # RuntimeError: a circle, in Python before 3.13
        raise circle from error
    if real.is_symlink():  # a circle, in Python from 3.13 on
        raise circle
    if not real.parent.is_dir():
        raise InputError(
            f"{path}: is a link to {real}, whose folder is missing; make that folder (or mount its "
            "disk), or remove the link"
        )
    return real


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yield a temporary file; if the block succeeds, it replaces `path` or the target of a link."""
    real = written_to(path)
    with _naming(path):
        real.parent.mkdir(parents=True, exist_ok=True)
        # The temporary file has the same suffix, because some libraries choose the format by it.
        handle, name = tempfile.mkstemp(
            dir=real.parent, prefix=f".{path.stem}-", suffix=path.suffix
        )
        os.close(handle)
        beside = Path(name)
        try:
            yield beside
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.chmod(_permissions(real))  # mkstemp lets only the owner read
            beside.replace(real)
            _sync_folder(real.parent)
        finally:
            beside.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; it becomes `path` if the block succeeds."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path}: already exists; name a new folder, or remove that one")
    real = written_to(path)
    with _naming(path):
        real.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(dir=real.parent, prefix=f".{path.name}-"))
        try:
            yield beside
            beside.chmod(0o777 & ~_umask())  # mkdtemp lets only the owner look in
            if real.is_dir():  # some systems do not rename onto a folder, even an empty one
                real.rmdir()
            beside.rename(real)
            _sync_folder(real.parent)
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove temporary files and folders for `path` that killed processes left beside it.

    Call it only while holding the lock of `path`: a file that another process is writing looks the
    same. Files that cannot be removed stay.
    """
    file = rf"\.{re.escape(path.stem)}{RANDOM}{re.escape(path.suffix)}"
    folder = rf"\.{re.escape(path.name)}{RANDOM}"
    for beside in written_to(path).parent.glob(f".{glob.escape(path.stem)}*"):
        if beside.is_dir():
            if re.fullmatch(folder, beside.name):
                shutil.rmtree(beside, ignore_errors=True)
        elif re.fullmatch(file, beside.name):
            with suppress(OSError):
                beside.unlink()


def left_over_from(path: Path) -> Path | None:
    """Return the file whose temporary file `path` is, by its name alone; None for other names."""
    match = re.fullmatch(rf"\.(.+){RANDOM}(\.[^.]+)?", path.name)
    return path.with_name(match[1] + (match[2] or "")) if match else None


def check_writable(folder: Path) -> None:
    """Make a folder if it is missing, and raise if files cannot be written into it."""
    with _naming(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass


def cannot_write(path: Path, error: OSError) -> InputError:
    """Return the error for a file that cannot be written."""
    return InputError(f"{path}: cannot be written: {error.strerror or error}")


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Turn an OSError of the block into an InputError that names `path`."""
    try:
        yield
    except OSError as error:
        raise cannot_write(path, error) from error


def _sync_folder(folder: Path) -> None:
    """Write a folder's list of files to the disk: fsync of a file does not include its folder."""
    if os.name == "nt":  # Windows opens no folders
        return
    with suppress(OSError):  # unreadable folders; file systems that cannot sync a folder
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _permissions(path: Path) -> int:
    """Return the permissions of an existing file, or the user's default for new files."""
    try:
        return stat.S_IMODE(path.stat().st_mode)
    except OSError:
        return 0o666 & ~_umask()


def _umask() -> int:
    """Return the permissions that the system takes away from new files."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

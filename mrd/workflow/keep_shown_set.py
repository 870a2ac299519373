"""A stimulus set that sessions were run with stays, when another takes its name.

Sessions name their set by its content hash: without that very set they can neither be finished nor
analysed.
"""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError
from stimuli.layout import attribute
from stimuli.opening import open_any_version

SIDECARS = "sub-*/ses-*/beh/*.json"


@dataclass(frozen=True)
class Kept:
    """An earlier set of a study.

    Parameters
    ----------
    path
        Where it lies now: ``<name>-<12 digits of its content hash>.h5``.
    content_hash
        Of the set.
    sessions
        How many sessions were run with it.
    """

    path: Path
    content_hash: str
    sessions: int


@contextmanager
def kept_if_shown(path: Path, data: Path) -> Iterator[Kept | None]:
    """Give a set a second name while it may be replaced, if sessions were run with it.

    The second name goes again if the content of the set is the same after the block: it was not
    replaced, or by the same images and table.

    Parameters
    ----------
    path
        The set; it may be missing.
    data
        Folder of the sessions, as BIDS has them; it may be missing.

    Yields
    ------
    Kept or None
        None where there is no set, or no session names it.

    Raises
    ------
    InputError
        A description of a session cannot be read, or the set cannot be kept.
    """
    found = content_hash(path)
    sessions = 0 if found is None else sessions_with(found, data)
    if found is None or not sessions:
        yield None
        return
    kept = Kept(path.with_name(f"{path.stem}-{found[:12]}{path.suffix}"), found, sessions)
    was_there = kept.path.exists()
    if not was_there:
        _name_again(path, kept.path)
    try:
        yield kept
    finally:
        if not was_there and content_hash(path) == found:
            kept.path.unlink(missing_ok=True)


def content_hash(path: Path) -> str | None:
    """Content hash that a set of any version carries; None where none can be read."""
    try:
        with open_any_version(path) as file:
            found = str(attribute(file, "content_hash"))
    except InputError:
        return None
    return found if re.fullmatch("[0-9a-f]{64}", found) else None  # it becomes a file's name


def sessions_with(content: str, data: Path) -> int:
    """Count the sessions of a data folder that name a content hash in their description.

    Raises
    ------
    InputError
        A description cannot be read.
    """
    count = 0
    for sidecar in sorted(data.glob(SIDECARS)):
        try:
            count += content.encode() in sidecar.read_bytes()
        except OSError as error:
            raise InputError(f"{sidecar}: cannot be read: {error.strerror or error}") from error
    return count


def _name_again(path: Path, other: Path) -> None:
    """Give a file another name; where the file system knows no links, copy it."""
    try:
        # Of a symbolic link, the file: a name of the link would lead to the new set later.
        os.link(path.resolve(), other)
    except OSError:
        with whole_file(other) as beside:
            shutil.copyfile(path, beside)

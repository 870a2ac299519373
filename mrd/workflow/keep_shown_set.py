"""Keep a stimulus set that sessions were run with, when another set takes its name.

Sessions refer to their set by its content hash; without that set, they cannot be finished or
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
    """An earlier set of a study."""

    path: Path  # its new path: ``<name>-<12 digits of its content hash>.h5``
    content_hash: str
    sessions: int  # number of sessions that were run with it


@contextmanager
def kept_if_shown(path: Path, data: Path) -> Iterator[Kept | None]:
    """Keep a set under a second name while the block replaces it, if sessions in `data` used it.

    The second name is removed if the set has the same content after the block. Yield None if there
    is no set, or no session used it. Raise if the set cannot be kept.
    """
    own_hash = content_hash(path)
    sessions = 0 if own_hash is None else sessions_with(own_hash, data)
    if own_hash is None or not sessions:
        yield None
        return
    kept = Kept(path.with_name(f"{path.stem}-{own_hash[:12]}{path.suffix}"), own_hash, sessions)
    existed = kept.path.exists()
    if not existed:
        _link_or_copy(path, kept.path)
    try:
        yield kept
    finally:
        if not existed and content_hash(path) == own_hash:
            kept.path.unlink(missing_ok=True)


def content_hash(path: Path) -> str | None:
    """Return the content hash of a set of any schema version; None if it cannot be read."""
    try:
        with open_any_version(path) as file:
            text = str(attribute(file, "content_hash"))
    except InputError:
        return None
    return text if re.fullmatch("[0-9a-f]{64}", text) else None  # it will be part of a file name


def sessions_with(content: str, data: Path) -> int:
    """Return how many sessions of a data folder contain a content hash in their JSON file."""
    count = 0
    for sidecar in sorted(data.glob(SIDECARS)):
        try:
            count += content.encode() in sidecar.read_bytes()
        except OSError as error:
            raise InputError(f"{sidecar}: cannot be read: {error.strerror or error}") from error
    return count


def _link_or_copy(path: Path, other: Path) -> None:
    """Give a file a second name; copy it if the file system has no links."""
    try:
        # Link to the file itself: a symbolic link would lead to the new set later.
        os.link(path.resolve(), other)
    except OSError:
        with whole_file(other) as beside:
            shutil.copyfile(path, beside)

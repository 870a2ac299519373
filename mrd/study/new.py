"""A first study: a commented file that runs as it is."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mrd.study.fields import FileName
from mrd.study.study import FILE_NAME, Study, read_study
from scenes.base.atomic_files import check_writable, whole_file
from scenes.base.errors import InputError, first_problem

MOST_LETTERS = 40  # of a name
TEMPLATE = files("mrd.study") / "templates" / FILE_NAME


def written(folder: Path, name: str | None = None) -> Study:
    """Write a study into a folder, which is made where it is missing.

    Parameters
    ----------
    folder
        Where to.
    name
        Of the study; by default made of the folder's name.

    Returns
    -------
    Study
        The study, as it reads.

    Raises
    ------
    InputError
        The folder holds a study, cannot be written, or the name is none; nothing is left then.
    """
    folder = Path(folder)
    path = folder / FILE_NAME
    if path.exists():
        raise InputError(
            f"{path}: there is a study already; name another folder, or move the file away"
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is no folder; name another")
    text = text_of(folder, name_of(folder) if name is None else checked_name(name))
    check_writable(folder)
    with whole_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
        return read_study(beside).in_folder(folder)


def text_of(folder: Path, name: str) -> str:
    """Fill in the template."""
    text = TEMPLATE.read_text(encoding="utf-8")
    return text.replace("NAME", name).replace("DIR", shlex.quote(str(folder)))


def checked_name(name: str) -> str:
    """Return the name of a study.

    Raises
    ------
    InputError
        It cannot be one.
    """
    try:
        return TypeAdapter(FileName).validate_python(name)
    except ValidationError as error:
        raise InputError(f"--name: {first_problem(error, name)}") from error


def name_of(folder: Path) -> str:
    """Make the name of a study of a folder's: lower-case letters, digits, ``_`` and ``-``."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", folder.absolute().name.lower()).strip("-_")
    return plain[:MOST_LETTERS].strip("-_") or "study"

"""A first study: a commented study file that runs without changes."""

import re
import shlex
from importlib.resources import files
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from mrd.study.fields import MOST_LETTERS, FileName
from mrd.study.study import FILE_NAME, Study, read_study
from scenes.base.atomic_files import check_writable, whole_file
from scenes.base.errors import InputError, first_problem


def write_study(folder: Path, name: str | None = None) -> Study:
    """Write a commented study into a folder, which is created if it is missing.

    Parameters
    ----------
    folder
        The folder.
    name
        Name of the study; by default, it is derived from the name of the folder.

    Returns
    -------
    Study
        The study, read from the new file.

    Raises
    ------
    InputError
        The folder contains a study already or cannot be written, or the name is not allowed.
        Nothing is written then.
    """
    folder = Path(folder)
    path = folder / FILE_NAME
    if path.exists():
        raise InputError(
            f"{path}: there is a study already; name another folder, or move the file away"
        )
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is not a folder; name another")
    name = name_of(folder) if name is None else _checked(name)
    template = files("mrd.study") / "templates" / FILE_NAME
    text = template.read_text(encoding="utf-8").replace("NAME", name)
    check_writable(folder)
    with whole_file(path) as beside:
        beside.write_text(text.replace("DIR", shlex.quote(str(folder))), encoding="utf-8")
        return read_study(beside).in_folder(folder)


def name_of(folder: Path) -> str:
    """Return a name for a study, derived from the name of its folder."""
    plain = re.sub(r"[^a-z0-9_-]+", "-", folder.absolute().name.lower()).strip("-_")
    return plain[:MOST_LETTERS].strip("-_") or "study"


def _checked(name: str) -> str:
    try:
        return TypeAdapter(FileName).validate_python(name)
    except ValidationError as error:
        raise InputError(f"--name: {first_problem(error, name)}") from error

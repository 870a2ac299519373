"""``mrd new``: write a first study."""

import shlex
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from mrd.study.new import write_study
from scenes.base.errors import printable


def new(
    folder: Annotated[
        Path, Argument(metavar="DIR", help="Folder of the study; created if it is missing.")
    ],
    name: Annotated[
        str | None,
        Option(
            metavar="NAME", help="Name of the study. By default, it is derived from the folder's."
        ),
    ] = None,
) -> None:
    """Write a commented study that runs without changes."""
    study = write_study(folder, name)
    print(printable(f"{study.folder / 'study.yaml'}: the study '{study.name}'; read it, then type"))
    print(printable(f"  mrd run {shlex.quote(str(study.folder))}"))

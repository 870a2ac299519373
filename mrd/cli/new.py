"""``mrd new``: a first study."""

import shlex
from pathlib import Path
from typing import Annotated

import typer

from mrd.study.new import written
from scenes.base.errors import printable


def new(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder of the study; made if it is missing.")
    ],
    name: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Name of the study; by default that of the folder."),
    ] = None,
) -> None:
    """Write a commented study that runs as it is."""
    made = written(folder, name)
    print(printable(f"{made.folder / 'study.yaml'}: the study '{made.name}'; look at it, then"))
    print(printable(f"  mrd run {shlex.quote(str(made.folder))}"))

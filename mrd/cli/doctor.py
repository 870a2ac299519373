"""``mrd doctor``: check this machine."""

import dataclasses
import json
from typing import Annotated

import typer
from typer import Option

from mrd.cli.tables import console, table
from mrd.workflow.doctor import examine, usable

_MARKS = {True: "ok", False: "NO", None: "–"}


def doctor(
    as_json: Annotated[bool, Option("--json", help="Print JSON, for programs.")] = False,
) -> None:
    """Check this machine, and say what to install.

    Exits with 2 if no search can run: no renderer, no PyTorch, or a folder that cannot be written.
    """
    checks = examine()
    if as_json:
        typer.echo(json.dumps([dataclasses.asdict(check) for check in checks], indent=2))
    else:
        rows = [(_MARKS[check.ok], check.name, check.value, check.advice) for check in checks]
        console().print(table(("", "what", "found", "advice"), rows))
    if not usable(checks):
        raise typer.Exit(2)

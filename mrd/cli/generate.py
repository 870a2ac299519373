"""``mrd generate``: carry out the searches of a study."""

from pathlib import Path
from typing import Annotated

import typer

from mrd import sweep
from mrd.cli.progress import shown
from mrd.cli.tables import console, states, verdicts
from mrd.overview import overview
from mrd.study import read_study


def generate(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Check the input, and print what would be done.")
    ] = False,
) -> None:
    """Search metamers: every run that is not done yet.

    What is done is skipped, and what was stopped goes on from its newest state.
    """
    described = read_study(study)
    out = console()
    if dry_run:
        out.print(states(overview(described)))
        return

    with shown(out) as report:
        outcomes = sweep.generate(described, report)
    out.print(verdicts(overview(described)))
    if any(outcome.failure for outcome in outcomes):
        raise typer.Exit(1)

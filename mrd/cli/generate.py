"""``mrd generate``: carry out the searches of a study."""

from pathlib import Path
from typing import Annotated

import typer

from mrd import sweep
from mrd.cli.progress import shown
from mrd.cli.tables import console, states, verdicts
from mrd.overview import overview
from mrd.study import read_study, resolve_all


def generate(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Check the study, its files, models and this machine; print the runs."
        ),
    ] = False,
) -> None:
    """Search metamers: every run that is not done yet.

    What is done is skipped, and what was stopped goes on from its newest state.
    """
    described = read_study(study)
    out = console()
    if dry_run:
        sweep.check(resolve_all(described))
        out.print(states(overview(described)))
        return

    with shown(out) as report:
        outcomes = sweep.generate(described, report)
    out.print(verdicts(overview(described)))
    failed = [outcome for outcome in outcomes if outcome.failure]
    if failed:
        raise typer.Exit(2 if all(outcome.refused for outcome in failed) else 1)

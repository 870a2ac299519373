"""``mrd status``: where the runs of a study stand."""

from pathlib import Path
from typing import Annotated

import typer

from mrd.cli.tables import console, images, states
from mrd.overview import families, outdated, overview
from mrd.study import read_study


def status(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
) -> None:
    """Tell where every run of a study stands."""
    described = read_study(study)
    standings = overview(described)
    console().print(states(standings))
    if shared := families(described, standings):
        console().print(images(standings, shared))
    if others := outdated(described, standings):
        console().print(
            f"{len(others)} more in {described.runs}, of an earlier form of this study: "
            f"{', '.join(others)}"
        )

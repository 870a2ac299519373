"""``mrd status``: where the runs of a study stand, and its tasks on a cluster."""

from pathlib import Path
from typing import Annotated

import typer

from mrd import cluster
from mrd.cli.tables import console, images, states, tasks
from mrd.overview import families, outdated, overview
from mrd.study import read_study
from scenes.errors import InputError


def status(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
) -> None:
    """Tell where every run of a study stands, and where it was submitted, the queue."""
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
    try:
        queued = cluster.standings(described, [each.run for each in standings])
    except InputError as error:  # another machine than the one that submits: the rest is true here
        console().print(f"the queue is not known: {error}")
    else:
        if queued:
            console().print(tasks(queued))

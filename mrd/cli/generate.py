"""``mrd generate``: carry out the searches of a study, and make its images."""

from pathlib import Path
from typing import Annotated

import typer

from mrd import sweep
from mrd.cli.progress import duration, shown
from mrd.cli.tables import console, images, number, states, verdicts
from mrd.forecast import Forecast, forecast
from mrd.overview import families, overview
from mrd.study import read_study, resolve_all


def generate(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Check the study, its files, models and this machine; print the runs, the number "
            "of images and the expected time.",
        ),
    ] = False,
    workers: Annotated[
        int,
        typer.Option(
            min=1,
            max=1024,
            metavar="N",
            help="Searches at once, each in a process with its share of the processors.",
        ),
    ] = 1,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read every finished image and scene, and make again those with an altered byte.",
        ),
    ] = False,
) -> None:
    """Search metamers, make controls and the images of series: all that is not done yet.

    What is done is skipped, what was stopped goes on from its newest state or image; files that
    are gone or cut are made again.
    """
    described = read_study(study)
    out = console()
    if dry_run:
        runs = resolve_all(described)
        sweep.check(runs)
        sweep.check_series(runs)
        standings = overview(described)
        out.print(states(standings))
        shared = families(described, standings)
        if shared:
            out.print(images(standings, shared))
        out.print(_told(forecast(described, standings, shared)))
        return

    with shown(out, several=workers > 1) as report:
        outcomes = sweep.generate(described, report, workers, by_hash=verify)
    standings = overview(described)
    out.print(verdicts(standings))
    if shared := families(described, standings):
        out.print(images(standings, shared))
    failed = [outcome for outcome in outcomes if outcome.failure]
    if failed:
        raise typer.Exit(2 if all(outcome.refused for outcome in failed) else 1)


def _told(expected: Forecast) -> str:
    """Put a forecast in words."""
    return (
        f"{expected.searches} of {expected.all_searches} searches and {expected.images} of "
        f"{expected.all_images} images to do: about {duration(expected.seconds)} with one worker, "
        f"{number(expected.bytes / 1e6)} MB of images ({expected.basis})"
    )

"""``mrd analyse``: from the answers of a study to its report."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from mrd.study.study import read_study
from scenes.base.errors import needs, printable


def analyse(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
    simulated: Annotated[
        bool, typer.Option("--simulated", help="Analyse data-simulated/ in place of data/.")
    ] = False,
    stimuli: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="The stimulus set, if not stimuli.h5; sessions of other sets are listed.",
        ),
    ] = None,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="CODE",
            help="Sessions of the same experiment as this participant's (or 01/02: participant 01, "
            "session 02); others are listed.",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where to, if not the study's report/.")
    ] = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--format", help="What is printed in the end.")
    ] = "text",
) -> None:
    """Analyse answers: tables, figures and a report.

    The answers are those of people, or simulated ones; the report is report/index.html.
    """
    described = read_study(study)
    with needs("analysis"):
        # Here, so that other commands do without the extra.
        from analysis.report import study_report

        made = study_report.make(
            described.folder,
            described.name,
            described.analysis,
            simulated=simulated,
            stimuli=stimuli,
            out=out,
            like=like,
            workers=os.cpu_count() or 1,
            seed=described.seed,
            note=lambda text: print(printable(text), file=sys.stderr, flush=True),
        )
    if output == "json":
        print(json.dumps(made.numbers, allow_nan=False))
    else:
        print(printable(str(made.page)))

"""``mrd analyse``: make the report of a study from its responses."""

import json
import os
import sys
from pathlib import Path
from typing import Annotated, Literal

from typer import Option

from mrd.cli.arguments import StudyPath
from mrd.study.study import read_study
from scenes.base.errors import needs, printable


def analyse(
    path: StudyPath,
    simulated: Annotated[
        bool, Option("--simulated", help="Analyse data-simulated/ instead of data/.")
    ] = False,
    stimuli: Annotated[
        Path | None,
        Option(
            metavar="FILE",
            help="The stimulus set, if it is not stimuli.h5. Sessions with other sets are listed, "
            "but not analysed.",
        ),
    ] = None,
    like: Annotated[
        str | None,
        Option(
            metavar="CODE",
            help="Analyse only sessions of the same experiment as this participant's (01/02: "
            "participant 01, session 02). The others are listed.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        Option(metavar="DIR", help="Folder of the report; by default the study's report/."),
    ] = None,
    output: Annotated[
        Literal["text", "json"],
        Option(
            "--format", help="What to print at the end: the path of the report, or all numbers."
        ),
    ] = "text",
) -> None:
    """Analyse responses: tables, figures and a report.

    The responses are those of people, or simulated ones. The report is report/index.html.
    """
    study = read_study(path)
    with needs("analysis"):
        # Imported here, so that other commands run without this extra.
        from analysis.report import study_report

        written = study_report.make(
            study.folder,
            study.name,
            study.analysis,
            simulated=simulated,
            stimuli=stimuli,
            out=out,
            like=like,
            workers=os.cpu_count() or 1,
            seed=study.seed,
            note=lambda text: print(printable(text), file=sys.stderr, flush=True),
        )
    print(
        json.dumps(written.numbers, allow_nan=False)
        if output == "json"
        else printable(str(written.page))
    )

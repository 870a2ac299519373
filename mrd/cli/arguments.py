"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

StudyPath = Annotated[
    Path, Argument(metavar="STUDY", help="A study.yaml, or the folder that contains it.")
]
Participant = Annotated[
    str | None, Option(help="Code of the person who responds. Without it, observers are simulated.")
]
Session = Annotated[str, Option(help="Code of the session: letters and digits.")]
Observers = Annotated[int, Option(min=1, max=10_000, help="Number of observers to simulate.")]
Workers = Annotated[
    int,
    Option(
        min=1,
        max=1024,
        metavar="N",
        help="Number of searches at the same time. Each runs in its own process, with an equal "
        "share of the processors.",
    ),
]

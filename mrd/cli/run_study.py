"""``mrd run``: every step of a study that is due, as a checklist."""

import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from analysis.report.provenance import PAGE, REPORT
from mrd.cli.tables import checklist, console, duration
from mrd.study.study import as_word, read_study
from mrd.workflow import steps
from mrd.workflow.run_steps import Stop, carried_out
from mrd.workflow.step_reasons import Step
from mrd.workflow.steps import Audience
from psychophysics.data import records
from scenes.base.errors import printable

INTERRUPTED = 130

StudyPath = Annotated[
    Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
]
Participant = Annotated[
    str | None,
    typer.Option(help="The person who answers, at a window. Without it, simulated observers do."),
]
Session = Annotated[str, typer.Option(help="Code of that person's session.")]
Observers = Annotated[
    int, typer.Option(min=1, max=10_000, help="How many observers are simulated.")
]
Workers = Annotated[
    int,
    typer.Option(
        min=1,
        max=1024,
        metavar="N",
        help="Searches at once, each in a process with its share of the processors.",
    ),
]


def run(
    study: StudyPath,
    participant: Participant = None,
    session: Session = records.FIRST_SESSION,
    observers: Observers = steps.OBSERVERS,
    workers: Workers = 1,
) -> None:
    """Do every step of a study that is due.

    The steps are generate, fisher (where the study has that section), build, embed, experiment
    and analyse.
    What is due follows from what the files were made of: a study that was changed redoes what
    hangs on the change, and says so before. It stops at the first failure; the same command goes
    on from there.
    """
    described, out = read_study(study), console()
    audience = audience_of(participant, session, observers)
    shown = _Shown(out)

    def look() -> list[Step]:
        return steps.steps(described, study, audience, workers)

    out.print(checklist(look()))
    stop = carried_out(look, shown)
    if shown.begun:
        out.print()
        out.print(checklist(look(), shown.seconds))
    if stop is not None:
        _tell(stop, _again(study, audience, workers))
    report = described.folder / REPORT / PAGE
    then = f", then at {report}" if report.is_file() else ""
    out.print(f"\nLook at {described.runs}/*/preview.png{then}")


def audience_of(participant: str | None, session: str, observers: int) -> Audience:
    """Who answers, codes checked.

    Raises
    ------
    InputError
        A code holds other than letters and digits.
    """
    if participant is not None:
        records.checked_code(participant, "participant")
    records.checked_code(session, "session")
    return Audience(participant, session, observers)


class _Shown:
    """What is said while steps are carried out."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self.begun = False
        self.seconds: dict[str, float] = {}

    def begins(self, step: Step) -> None:
        """Name the step, why it is due, and what would do it alone."""
        self.begun = True
        self._out.print(f"\n{step.name}: {step.why}")
        for command in step.commands:
            self._out.print(f"  mrd {shlex.join(command)}")

    def finished(self, step: Step, seconds: float) -> None:
        """Say how long it took."""
        self.seconds[step.name] = seconds
        self._out.print(f"{step.name}: done in {duration(seconds)}")


def _again(study: Path, audience: Audience, workers: int) -> str:
    """Give the command that goes on."""
    words = ["mrd", "run", as_word(study)]
    if audience.participant is not None:
        words += ["--participant", audience.participant, "--session", audience.session]
    elif audience.observers != steps.OBSERVERS:
        words += ["--observers", str(audience.observers)]
    if workers > 1:
        words += ["--workers", str(workers)]
    return shlex.join(words)


def _tell(stop: Stop, again: str) -> None:
    """Say what to do after a failure, and exit as it did."""
    if stop.code == INTERRUPTED:  # the step has said so
        raise SystemExit(INTERRUPTED)
    words = f"mrd {shlex.join(stop.command)}"
    if stop.again:  # the same commands would do the same once more
        typer.echo(
            f"stopped at {stop.step.name}: {words} went well, and there is still something to do: "
            f"{stop.step.why}; change what that names, or report it with the output of mrd doctor "
            "--json",
            err=True,
        )
        raise typer.Exit(stop.code)
    if stop.code < 0:
        what = f"{words} was ended by signal {-stop.code}"
    else:
        what = f"mend what {words} says above (with --debug it tells where)"
    told = f"stopped at {stop.step.name}: {what}; then {again} goes on from there"
    typer.echo(printable(told), err=True)
    raise typer.Exit(stop.code if stop.code in (1, 2) else 1)

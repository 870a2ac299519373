"""``mrd run``: run the remaining steps of a study, as a checklist."""

import shlex
from pathlib import Path

import typer
from rich.console import Console

from analysis.report.provenance import PAGE, REPORT
from mrd.cli.arguments import Observers, Participant, Session, StudyPath, Workers
from mrd.cli.tables import checklist, console, duration
from mrd.study.resolved_study import resolve_study
from mrd.study.study import as_word, read_study
from mrd.workflow import steps
from mrd.workflow.run_steps import Stop, carried_out
from mrd.workflow.step_reasons import StudyStep
from mrd.workflow.steps import Audience
from psychophysics.data import bids_names
from scenes.base.errors import printable

INTERRUPTED = 130


def run(
    path: StudyPath,
    participant: Participant = None,
    session: Session = bids_names.FIRST_SESSION,
    observers: Observers = steps.OBSERVERS,
    workers: Workers = 1,
) -> None:
    """Run the remaining steps of a study, from the search to the report.

    The steps are generate, fisher (if the study has that section), build, embed, experiment and
    analyse. A finished step is skipped. If the study was changed, the steps that depend on the
    change are repeated, and the reasons are printed first. The command stops at the first failure;
    the same command resumes there.
    """
    study, out = read_study(path), console()
    audience = audience_of(participant, session, observers)
    resolved = resolve_study(study)
    progress = _StepProgress(out)

    def look() -> list[StudyStep]:
        return steps.steps(resolved, path, audience, workers)

    out.print(checklist(look()))
    stop = carried_out(look, progress)
    if progress.has_begun:
        out.print()
        out.print(checklist(look(), progress.seconds))
    if stop is not None:
        _exit(stop, _same_command(path, audience, workers))
    report = study.folder / REPORT / PAGE
    then = f", then at {report}" if report.is_file() else ""
    out.print(f"\nLook at {study.runs}/*/preview.png{then}")


def audience_of(participant: str | None, session: str, observers: int) -> Audience:
    """Return the participants; raise `InputError` if a code has other than letters and digits."""
    if participant is not None:
        bids_names.check_code(participant, "participant")
    bids_names.check_code(session, "session")
    return Audience(participant, session, observers)


class _StepProgress:
    """Prints the steps as they begin and end."""

    def __init__(self, out: Console) -> None:
        self._out = out
        self.has_begun = False
        self.seconds: dict[str, float] = {}

    def begins(self, step: StudyStep) -> None:
        """Print the step, the reason for it, and its commands."""
        self.has_begun = True
        self._out.print(f"\n{step.name}: {step.why}")
        for command in step.commands:
            self._out.print(f"  mrd {shlex.join(command)}")

    def finished(self, step: StudyStep, seconds: float) -> None:
        """Print the duration of the step."""
        self.seconds[step.name] = seconds
        self._out.print(f"{step.name}: done in {duration(seconds)}")


def _same_command(path: Path, audience: Audience, workers: int) -> str:
    """Return the command that repeats this one with the same options."""
    words = ["mrd", "run", as_word(path)]
    if audience.participant is not None:
        words += ["--participant", audience.participant, "--session", audience.session]
    elif audience.observers != steps.OBSERVERS:
        words += ["--observers", str(audience.observers)]
    if workers > 1:
        words += ["--workers", str(workers)]
    return shlex.join(words)


def _exit(stop: Stop, again: str) -> None:
    """Print what to do after a failure, and exit with the exit code of the failed command."""
    if stop.code == INTERRUPTED:  # the step has printed the message
        raise SystemExit(INTERRUPTED)
    words = f"mrd {shlex.join(stop.command)}"
    if stop.again:  # repeating the command would change nothing
        typer.echo(
            f"stopped at {stop.step.name}: {words} succeeded, but the step is not complete: "
            f"{stop.step.why}; change what this names, or report it with the output of mrd doctor "
            "--json",
            err=True,
        )
        raise typer.Exit(stop.code)
    if stop.code < 0:
        advice = f"{words} was ended by signal {-stop.code}"
    else:
        advice = f"correct the error that {words} printed above (--debug shows where it occurred)"
    message = f"stopped at {stop.step.name}: {advice}; then {again} resumes there"
    typer.echo(printable(message), err=True)
    raise typer.Exit(stop.code if stop.code in (1, 2) else 1)

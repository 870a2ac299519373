"""``mrd status``: the progress of steps, runs and cluster tasks of a study."""

from mrd.cli.arguments import Observers, Participant, Session, StudyPath
from mrd.cli.flips import flips
from mrd.cli.run_study import audience_of
from mrd.cli.tables import checklist, console, images, reasons, states, tasks, widest
from mrd.generate.cluster import submit
from mrd.study.study import read_study
from mrd.workflow.reaches import reaches
from mrd.workflow.standings import families, outdated, overview
from mrd.workflow.steps import OBSERVERS, steps
from psychophysics.data import records
from scenes.base.errors import InputError


def status(
    path: StudyPath,
    participant: Participant = None,
    session: Session = records.FIRST_SESSION,
    observers: Observers = OBSERVERS,
) -> None:
    """Show the progress of a study.

    It lists the steps that remain, with the reason for each, and the state of every run. For a
    study that was submitted to a cluster, it also lists the tasks in the queue.
    """
    study, out = read_study(path), console()
    audience = audience_of(participant, session, observers)
    out.print(checklist(steps(study, path, audience)))
    standings = overview(study)
    out.print()
    out.print(states(standings))
    if rates := flips(standings):
        out.print(rates)
    if found := reaches(standings):
        out.print(widest(found))
    if shared := families(study, standings):
        out.print(images(standings, shared))
    for line in reasons(standings, shared):
        out.print(line)
    if others := outdated(study, standings):
        out.print(
            f"{len(others)} more in {study.runs}, from an earlier version of this study: "
            f"{', '.join(others)}"
        )
    try:
        queued = submit.standings(study, [each.run for each in standings])
    except InputError as error:  # on a machine without Slurm
        out.print(f"the queue is not known: {error}")
    else:
        if queued:
            out.print(tasks(queued))

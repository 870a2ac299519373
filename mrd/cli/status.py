"""``mrd status``: where steps, runs and reaches of a study stand, and its tasks on a cluster."""

from mrd.cli.flips import flips
from mrd.cli.run_study import Observers, Participant, Session, StudyPath, audience_of
from mrd.cli.tables import checklist, console, images, reasons, states, tasks, widest
from mrd.generate.cluster import submit
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow.reaches import reaches
from mrd.workflow.standings import families, outdated, overview
from mrd.workflow.steps import OBSERVERS, steps
from psychophysics.data import records
from scenes.base.errors import InputError


def status(
    study: StudyPath,
    participant: Participant = None,
    session: Session = records.FIRST_SESSION,
    observers: Observers = OBSERVERS,
) -> None:
    """Tell which steps are due and why, and where runs stand.

    Where it was submitted to a cluster, the queue as well.
    """
    resolved = resolve_study(read_study(study))
    audience = audience_of(participant, session, observers)
    console().print(checklist(steps(resolved, study, audience)))
    statuses = overview(resolved)
    console().print()
    console().print(states(statuses))
    if rates := flips(statuses):
        console().print(rates)
    if found := reaches(statuses):
        console().print(widest(found))
    if shared := families(resolved):
        console().print(images(statuses, shared))
    for line in reasons(statuses, shared):
        console().print(line)
    if others := outdated(resolved):
        console().print(
            f"{len(others)} more in {resolved.study.runs}, of an earlier form of this study: "
            f"{', '.join(others)}"
        )
    try:
        queued = submit.task_statuses(resolved)
    except InputError as error:  # another machine than the one that submits: the rest is true here
        console().print(f"the queue is not known: {error}")
    else:
        if queued:
            console().print(tasks(queued))

"""``mrd status``: the progress of steps, runs and cluster tasks of a study."""

from mrd.cli.arguments import Observers, Participant, Session, StudyPath
from mrd.cli.flips import flips
from mrd.cli.outcomes import recoveries, successes
from mrd.cli.run_study import audience_of
from mrd.cli.tables import checklist, console, images, reasons, states, tasks, widest
from mrd.generate.cluster import submit
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow.reaches import reaches
from mrd.workflow.standings import families, outdated, overview
from mrd.workflow.steps import OBSERVERS, steps
from psychophysics.data import bids_names
from scenes.base.errors import InputError


def status(
    path: StudyPath,
    participant: Participant = None,
    session: Session = bids_names.FIRST_SESSION,
    observers: Observers = OBSERVERS,
) -> None:
    """Show the progress of a study.

    It lists the steps that remain, with the reason for each, and the state of every run. For a
    study that was submitted to a cluster, it also lists the tasks in the queue.
    """
    study, out = resolve_study(read_study(path)), console()
    audience = audience_of(participant, session, observers)
    out.print(checklist(steps(study, path, audience)))
    statuses = overview(study)
    out.print()
    out.print(states(statuses))
    if counts := successes(statuses):
        out.print(counts)
    if rates := flips(statuses):
        out.print(rates)
    if errors := recoveries(statuses):
        out.print(errors)
    if found := reaches(statuses):
        out.print(widest(found))
    if shared := families(study):
        out.print(images(statuses, shared))
    for line in reasons(statuses, shared):
        out.print(line)
    if others := outdated(study):
        out.print(
            f"{len(others)} more in {study.study.runs}, from an earlier version of this study: "
            f"{', '.join(others)}"
        )
    try:
        queued = submit.task_statuses(study)
    except InputError as error:  # on a machine without Slurm
        out.print(f"the queue is not known: {error}")
    else:
        if queued:
            out.print(tasks(queued))

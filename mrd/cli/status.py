"""``mrd status``: where steps, runs and reaches of a study stand, and its tasks on a cluster."""

from mrd.cli.flips import flips
from mrd.cli.run_study import Observers, Participant, Session, StudyPath, audience_of
from mrd.cli.tables import checklist, console, images, reasons, states, tasks, widest
from mrd.generate.cluster import submit
from mrd.study.study import read_study
from mrd.workflow.reaches import reaches
from mrd.workflow.standings import families, outdated, overview
from mrd.workflow.steps import OBSERVERS, steps
from psychophysics.data import bids_names
from scenes.base.errors import InputError


def status(
    study: StudyPath,
    participant: Participant = None,
    session: Session = bids_names.FIRST_SESSION,
    observers: Observers = OBSERVERS,
) -> None:
    """Tell which steps are due and why, and where runs stand.

    Where it was submitted to a cluster, the queue as well.
    """
    described = read_study(study)
    audience = audience_of(participant, session, observers)
    console().print(checklist(steps(described, study, audience)))
    standings = overview(described)
    console().print()
    console().print(states(standings))
    if rates := flips(standings):
        console().print(rates)
    if found := reaches(standings):
        console().print(widest(found))
    if shared := families(described, standings):
        console().print(images(standings, shared))
    for line in reasons(standings, shared):
        console().print(line)
    if others := outdated(described, standings):
        console().print(
            f"{len(others)} more in {described.runs}, of an earlier form of this study: "
            f"{', '.join(others)}"
        )
    try:
        queued = submit.standings(described, [each.run for each in standings])
    except InputError as error:  # another machine than the one that submits: the rest is true here
        console().print(f"the queue is not known: {error}")
    else:
        if queued:
            console().print(tasks(queued))

"""The counterbalancing rule of sessions on disk: what was recorded keeps its rule."""

from pathlib import Path

from psychophysics.counterbalance import RULE, rule_of
from psychophysics.records import read_json, session_path
from psychophysics.tasks.base import Task


def rule_for(folder: Path, participant: str, visit: str, task: Task) -> int:
    """Return the rule for a session: its own, else that of the participant's others, else the new.

    So the keys of a participant do not change from session to session.

    Parameters
    ----------
    folder
        Of the data.
    participant, visit
        Codes.
    task
        The task.

    Raises
    ------
    InputError
        A sidecar cannot be read, or this version of the suite does not know its rule.
    """
    own = session_path(folder, participant, visit, task).with_suffix(".json")
    others = sorted((folder / f"sub-{participant}").glob("ses-*/beh/*_beh.json"))
    for path in (own, *others):
        if path.is_file() and isinstance(session := read_json(path).get("Session"), dict):
            return rule_of(session, f"{path}: Session")
    return RULE

"""Rules of sessions on disk: what an earlier version recorded keeps its rules."""

from pathlib import Path

from psychophysics.config import RATED, ExperimentConfig, QuestPlus
from psychophysics.counterbalance import RULE, rule_of
from psychophysics.data.records import begun, read_json, session_path
from psychophysics.tasks.base import Task


def rule_for(folder: Path, participant: str, visit: str, task: Task) -> int:
    """Return the rule for a session: its own, else that of the participant's others, else the new.

    So the keys of a participant do not change from session to session.
    """
    own = session_path(folder, participant, visit, task).with_suffix(".json")
    others = sorted((folder / f"sub-{participant}").glob("ses-*/beh/*_beh.json"))
    for path in (own, *others):
        if path.is_file() and isinstance(session := read_json(path).get("Session"), dict):
            return rule_of(session, f"{path}: Session")
    return RULE


def config_for(config: ExperimentConfig, path: Path) -> ExperimentConfig:
    """Return an experiment with the false-alarm rates of QUEST+ that a session was begun with.

    Rates that the study gives stay, but in tasks where they have no effect.
    """
    chosen, description = config.procedure, path.with_suffix(".json")
    if not isinstance(chosen, QuestPlus) or not description.is_file():
        return config
    given = config.task == RATED and chosen.false_alarms is not None
    if given or not begun(path, before := read_json(description)):
        return config
    try:
        rates = before["Session"]["Experiment"]["procedure"]["false_alarms"]
        kept = QuestPlus.model_validate({"kind": "quest_plus", "false_alarms": rates})
    except (LookupError, TypeError, ValueError):  # of another experiment; refused later
        return config
    procedure = chosen.model_copy(update={"false_alarms": kept.false_alarms})
    return config.model_copy(update={"procedure": procedure})

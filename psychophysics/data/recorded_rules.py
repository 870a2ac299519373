"""Rules of recorded sessions, which stay those of the version that began the session."""

from pathlib import Path

from psychophysics.config import RATED, ExperimentConfig, QuestPlusConfig
from psychophysics.counterbalance import RULE, rule_of
from psychophysics.data.bids_names import sidecars_of, table_path
from psychophysics.data.json_files import read_json
from psychophysics.data.records import is_begun
from psychophysics.tasks.base import Task


def rule_for(folder: Path, participant: str, visit: str, task: Task) -> int:
    """Return the rule of counterbalancing of a session, or of the participant's other sessions.

    So the keys of a participant do not change between sessions. New participants have the new rule.
    """
    own = table_path(folder, participant, visit, task).with_suffix(".json")
    for path in (own, *sidecars_of(folder, participant)):
        if path.is_file() and isinstance(session := read_json(path).get("Session"), dict):
            return rule_of(session, f"{path}: Session")
    return RULE


def config_for(config: ExperimentConfig, path: Path) -> ExperimentConfig:
    """Return the experiment with the false-alarm rates of QUEST+ of the session's table at `path`.

    Rates in the study take precedence, except in tasks where they have no effect.
    """
    procedure, sidecar = config.procedure, path.with_suffix(".json")
    if not isinstance(procedure, QuestPlusConfig) or not sidecar.is_file():
        return config
    given = config.task == RATED and procedure.false_alarms is not None
    if given or not is_begun(path, before := read_json(sidecar)):
        return config
    try:
        rates = before["Session"]["Experiment"]["procedure"]["false_alarms"]
        kept = QuestPlusConfig.model_validate({"kind": "quest_plus", "false_alarms": rates})
    except (LookupError, TypeError, ValueError):  # of another experiment, an error later
        return config
    procedure = procedure.model_copy(update={"false_alarms": kept.false_alarms})
    return config.model_copy(update={"procedure": procedure})

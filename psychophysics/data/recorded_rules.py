"""Counterbalancing rule and false-alarm rates of sessions that an earlier version began."""

from pathlib import Path

from psychophysics.config import RATED, ExperimentConfig, QuestPlusConfig
from psychophysics.counterbalance import RULE, rule_of
from psychophysics.data.bids_names import sidecars_of, table_path
from psychophysics.data.json_files import read_json
from psychophysics.data.records import is_begun
from psychophysics.tasks.base import Task


def rule_for(folder: Path, participant: str, visit: str, task: Task) -> int:
    """Return the counterbalancing rule of a session or, if it is new, of the participant's others.

    So a participant has the same keys in all sessions. New participants get the newest rule.
    """
    own = table_path(folder, participant, visit, task).with_suffix(".json")
    for path in (own, *sidecars_of(folder, participant)):
        if path.is_file() and isinstance(session := read_json(path).get("Session"), dict):
            return rule_of(session, f"{path}: Session")
    return RULE


def config_for(config: ExperimentConfig, path: Path) -> ExperimentConfig:
    """Return the experiment with the QUEST+ false-alarm rates of the session whose table is `path`.

    Rates that the study states take precedence, except in tasks where they have no effect.
    """
    procedure, sidecar = config.procedure, path.with_suffix(".json")
    if not isinstance(procedure, QuestPlusConfig) or not sidecar.is_file():
        return config
    stated = config.task == RATED and procedure.false_alarms is not None
    if stated or not is_begun(path, before := read_json(sidecar)):
        return config
    try:
        rates = before["Session"]["Experiment"]["procedure"]["false_alarms"]
        recorded = QuestPlusConfig.model_validate({"kind": "quest_plus", "false_alarms": rates})
    except (LookupError, TypeError, ValueError):  # another experiment: opening the record raises
        return config
    procedure = procedure.model_copy(update={"false_alarms": recorded.false_alarms})
    return config.model_copy(update={"procedure": procedure})

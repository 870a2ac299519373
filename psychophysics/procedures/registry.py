"""Procedures of a condition, from the study's section `procedure`."""

from collections.abc import Sequence

import numpy as np

from psychophysics.config import (
    RATED,
    ConstantStimuliConfig,
    ExperimentConfig,
    ProcedureConfig,
    QuestPlusConfig,
    StaircaseConfig,
)
from psychophysics.design import Condition
from psychophysics.procedures.base import Procedure
from psychophysics.procedures.constant_stimuli import ConstantStimuli
from psychophysics.procedures.quest_plus import QuestPlus, library
from psychophysics.procedures.staircase import Staircase
from psychophysics.tasks.registry import TASKS


def check_installed(chosen: ProcedureConfig) -> None:
    """Raise if a procedure's library is not installed."""
    if isinstance(chosen, QuestPlusConfig):
        library()


def procedures_for(
    condition: Condition, config: ExperimentConfig, rng: np.random.Generator
) -> list[Procedure]:
    """Return the procedures of a condition: one, or one for each interleaved staircase.

    Adaptive procedures use only levels above 0; trials at level 0 have their own procedure.
    """
    chosen = config.procedure
    above = [level for level in condition.levels if level > 0]
    if isinstance(chosen, ConstantStimuliConfig):
        return [ConstantStimuli(condition.levels, chosen.trials, rng)]
    procedures: list[Procedure] = []
    if isinstance(chosen, QuestPlusConfig):
        procedures += [_quest_plus(above, chosen, config)]
    else:
        procedures += _staircases(above, chosen)
    if chosen.trials_at_zero:
        procedures.append(ConstantStimuli([0.0], chosen.trials_at_zero, rng))
    return procedures


def _quest_plus(
    levels: Sequence[float], chosen: QuestPlusConfig, config: ExperimentConfig
) -> QuestPlus:
    task = TASKS[config.task]
    return QuestPlus(
        levels,
        trials=chosen.trials,
        function=chosen.function,
        widths=chosen.widths,
        guesses=chosen.rates if config.task == RATED else (task.chance,),
        lapses=chosen.lapses,
    )


def _staircases(levels: Sequence[float], chosen: StaircaseConfig) -> list[Staircase]:
    return [
        Staircase(
            levels,
            down=chosen.down,
            up=chosen.up,
            trials=chosen.trials,
            reversals=chosen.reversals,
            start=start,
            steps=chosen.step,
        )
        for start in chosen.start
    ]

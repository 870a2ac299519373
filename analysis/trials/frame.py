"""The frame of trials that every function of this package takes, and what its columns may hold.

One row is one trial, or `n` trials of one kind with `correct` right answers among them.

========== ==========================================================================
observer   who answered: text
condition  what is compared within an observer: text
stimulus   the image, scene or family that was judged: text
level      how far the comparison is from the target, in the unit of the analysis
correct    number of right answers in the row: 0 or 1, up to `n` where there is `n`
n          trials in the row, from 1
task       ``2afc``, ``match_to_sample``, ``oddity`` or ``same_different``
same       True where a same–different trial showed a pair of the same; level 0 otherwise
========== ==========================================================================

Further columns (target, attribute, role, model, …) are carried along.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from scenes.base.errors import InputError, unknown

# Probability of a right answer by guessing; same–different has none: there, a false-alarm rate.
GUESS: dict[str, float | None] = {
    "2afc": 1 / 2,
    "match_to_sample": 1 / 2,
    "oddity": 1 / 3,
    "same_different": None,
}
NEEDED = ("observer", "condition", "stimulus", "level", "correct", "n", "task")
CONTROL = "control"  # in column `role`


def checked_task(task: str) -> str:
    """Return the name of a task.

    Raises
    ------
    InputError
        There is no such task.
    """
    if task not in GUESS:
        raise unknown("task", task, GUESS)
    return task


def checked(frame: pd.DataFrame, needed: Sequence[str] = NEEDED) -> pd.DataFrame:
    """Return the frame if it is one of trials.

    Parameters
    ----------
    frame
        Trials, as `analysis.trials.load` gives them.
    needed
        Columns that have to be there.

    Raises
    ------
    InputError
        A column is missing, or there is no row.
    """
    for column in needed:
        if column not in frame.columns:
            raise InputError(
                f"the trials have no column '{column}'; analysis.trials.load.from_table makes the "
                f"that is needed; columns here: {', '.join(map(str, frame.columns))}"
            )
    if frame.empty:
        raise InputError("the trials have no rows; nothing can be analysed")
    return frame


def only(frame: pd.DataFrame, column: str) -> Any:
    """Return the one value of a column.

    Raises
    ------
    InputError
        It holds several.
    """
    values = frame[column].unique()
    if len(values) > 1:
        named = ", ".join(sorted(map(str, values)))
        raise InputError(f"column '{column}' holds {named}; analyse one at a time")
    return values[0]


def is_same(frame: pd.DataFrame) -> np.ndarray:
    """Tell which rows of same–different trials showed a pair of the same; of other tasks, none.

    Returns
    -------
    numpy.ndarray
        (rows,), bool: column `same` where there is one, otherwise level 0.
    """
    if only(frame, "task") != "same_different":
        return np.zeros(len(frame), dtype=bool)
    if "same" in frame.columns:
        return frame["same"].to_numpy(dtype=bool)
    return frame["level"].to_numpy(dtype=float) == 0


def rate_name(task: str) -> str:
    """Name the share of right answers where images differ: in same–different it is a hit rate.

    A hit rate hangs on the criterion as much as on sensitivity, and is no proportion correct.
    """
    return "hit_rate" if task == "same_different" else "proportion"


def is_control(frame: pd.DataFrame) -> np.ndarray:
    """Tell which rows show a control; none without a column `role`.

    Returns
    -------
    numpy.ndarray
        (rows,), bool.
    """
    if "role" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return (frame["role"] == CONTROL).to_numpy()


def controls_apart(frame: pd.DataFrame) -> pd.Series:
    """Condition of every row as curves are named: those of controls stand apart."""
    return frame["condition"].where(~is_control(frame), frame["condition"] + ", control")


def yes(frame: pd.DataFrame) -> np.ndarray:
    """Count what a psychometric function rises with: right answers, or answers "different".

    Returns
    -------
    numpy.ndarray
        (rows,): `correct`; in same–different rows of same pairs, `n` − `correct`.
    """
    correct = frame["correct"].to_numpy(dtype=float)
    return np.where(is_same(frame), frame["n"].to_numpy(dtype=float) - correct, correct)

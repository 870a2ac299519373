"""The frame of trials that every function of this package takes, and its columns.

One row is one trial, or `n` trials of one kind with `correct` correct answers among them.

========== ==========================================================================
observer   who answered: text
condition  what is compared within an observer: text
stimulus   the image, scene or family that was shown: text
level      distance of the comparison from the target, in the unit of the analysis
correct    number of correct answers in the row, 0 to `n`
n          trials in the row, from 1
task       ``2afc``, ``match_to_sample``, ``oddity`` or ``same_different``
same       True where a same–different trial showed a same pair; without it, level 0
========== ==========================================================================

Further columns (target, attribute, role, model, …) are kept.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from scenes.base.errors import InputError, unknown

# Probability of a correct guess; same–different has none, but a false-alarm rate.
GUESS: dict[str, float | None] = {
    "2afc": 1 / 2,
    "match_to_sample": 1 / 2,
    "oddity": 1 / 3,
    "same_different": None,
}
NEEDED = ("observer", "condition", "stimulus", "level", "correct", "n", "task")
CONTROL = "control"  # in column `role`


def check_task(task: str) -> None:
    """Raise if there is no such task."""
    if task not in GUESS:
        raise unknown("task", task, GUESS)


def check_trials(frame: pd.DataFrame, needed: Sequence[str] = NEEDED) -> pd.DataFrame:
    """Return `frame`; raise if a column is missing or there is no row."""
    for column in needed:
        if column not in frame.columns:
            raise InputError(
                f"the trials have no column '{column}'; make the frame with "
                "analysis.trials.load.from_table; columns of the frame: "
                f"{', '.join(map(str, frame.columns))}"
            )
    if frame.empty:
        raise InputError("the trials have no rows; nothing can be analysed")
    return frame


def single_value(frame: pd.DataFrame, column: str) -> Any:
    """Return the single value of a column; raise if it has several."""
    values = frame[column].unique()
    if len(values) > 1:
        named = ", ".join(sorted(map(str, values)))
        raise InputError(f"column '{column}' has the values {named}; analyse one at a time")
    return values[0]


def table_rows(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table, each as a dict by column name."""
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def is_same(frame: pd.DataFrame) -> np.ndarray:
    """Return which rows show a same pair (in same–different): by column `same`, or else level 0."""
    if single_value(frame, "task") != "same_different":
        return np.zeros(len(frame), dtype=bool)
    if "same" in frame.columns:
        return frame["same"].to_numpy(dtype=bool)
    return frame["level"].to_numpy(dtype=float) == 0


def rate_name(task: str) -> str:
    """Return the name of the rate of correct answers to different images.

    In same–different it is a hit rate, which depends on the criterion as well as on sensitivity.
    """
    return "hit_rate" if task == "same_different" else "proportion"


def is_control(frame: pd.DataFrame) -> np.ndarray:
    """Return which rows (bool) show a control; none without a column `role`."""
    if "role" not in frame.columns:
        return np.zeros(len(frame), dtype=bool)
    return (frame["role"] == CONTROL).to_numpy()


def curve_names(frame: pd.DataFrame) -> pd.Series:
    """Return the name of each row's curve: its condition, with ", control" for controls."""
    return frame["condition"].where(~is_control(frame), frame["condition"] + ", control")


def yes_counts(frame: pd.DataFrame) -> np.ndarray:
    """Return the number of answers that a curve counts: correct, or "different" to same pairs."""
    correct = frame["correct"].to_numpy(dtype=float)
    return np.where(is_same(frame), frame["n"].to_numpy(dtype=float) - correct, correct)

"""Convert tables to the frame of trials (`analysis.trials.frame`)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.trials.frame import check_task
from scenes.base.errors import InputError, nearest

REQUIRED = ("observer", "condition", "stimulus", "level", "correct")
OPTIONAL = (
    "n", "same", "trial", "session", "response", "unit", "target", "attribute", "model", "layer",
    "role", "family",
)  # fmt: skip
# Optional columns that separate trials or cells: a missing value would drop or mix rows.
WITHOUT_GAPS = ("trial", "session", "target", "attribute", "family")
MOST_TRIALS = 10**9  # in a row
TRUTH = {1: True, 0: False, "true": True, "false": False}  # as keys, True and 1.0 are equal to 1


def from_table(
    frame: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    *,
    task: str,
    source: str = "table",
) -> pd.DataFrame:
    """Convert any table in long form to the frame of trials.

    Parameters
    ----------
    frame
        A row for each trial, or for `n` trials of one kind. It is not changed.
    columns
        Our name → the table's name of each column: observer, condition, stimulus, level, correct,
        and optionally n (trials in a row; `correct` then counts correct answers), same (True where
        a same–different trial showed a same pair; without it, level 0), trial, session, response,
        unit, target, attribute, model, layer, role, family. A column that is not listed has our
        name. All other columns are dropped.
    task
        ``2afc``, ``match_to_sample``, ``oddity`` or ``same_different``.
    source
        Name of the table in messages, such as a file.

    Returns
    -------
    pandas.DataFrame
        Columns observer, condition, stimulus (text), level (float), correct, n (int), task, and
        the optional columns of the table; rows in the same order, index from 0.

    Raises
    ------
    InputError
        With the row (its index label in `frame`), column, value and reason: a column is missing
        or occurs twice, a value is missing (of the optional columns: of trial, session, target,
        attribute, family) or not finite, an answer is not within 0 to n, n is not a whole
        number from 1, a trial occurs twice, a condition mixes units.

    Examples
    --------
    >>> table = pd.read_csv("their_data.csv")
    >>> names = {"observer": "subj", "condition": "cond", "stimulus": "img", "level": "contrast"}
    >>> trials = from_table(table, columns={**names, "correct": "hit"}, task="2afc")
    """
    check_task(task)
    theirs = _names(frame, dict(columns or {}), source)
    if frame.empty:
        raise InputError(f"{source}: the table has no rows")
    values: dict[str, Any] = {}
    for ours in ("observer", "condition", "stimulus"):
        values[ours] = _text(frame, theirs[ours], source)
    values["level"] = _numbers(frame, theirs["level"], source)
    values["n"] = _counts(frame, theirs["n"], source) if "n" in theirs else np.ones(len(frame), int)
    values["correct"] = _answers(frame, theirs["correct"], values["n"], source)
    values["task"] = task
    if "same" in theirs:
        values["same"] = _truth(frame, theirs["same"], source)
    for ours in OPTIONAL:
        if ours in theirs and ours not in values:
            column = theirs[ours]
            if ours in WITHOUT_GAPS:
                missing = frame[column].isna().to_numpy()
                reason = "the cell is empty; fill it in, or drop the column"
                _refuse(frame, column, missing, reason, source)
            values[ours] = frame[column].to_numpy()
    trials = pd.DataFrame(values)
    _check_repeated(trials, frame.index, source)
    check_units(trials, source)
    return trials


def check_units(trials: pd.DataFrame, source: str) -> None:
    """Raise if the levels of a condition have several units (column `unit`, if any)."""
    if "unit" not in trials.columns:
        return
    for condition, cell in trials.groupby("condition", sort=False):
        units = sorted(map(str, cell["unit"].unique()))
        if len(units) > 1:
            raise InputError(
                f"{source}: condition '{condition}' mixes units of level ({', '.join(units)}); "
                "one curve needs one unit: split the condition, or use level"
            )


def cell_error(source: str, row: Any, column: str, value: Any, reason: str) -> InputError:
    """Return the error for one cell of a table: ``table: row 3, column 'hit': 'yes': reason``."""
    shown = repr(value.item() if isinstance(value, np.generic) else value)
    return InputError(f"{source}: row {row}, column '{column}': {shown[:60]}: {reason}")


def _names(frame: pd.DataFrame, columns: dict[str, str], source: str) -> dict[str, str]:
    """Return our name → the table's name, for each of our columns that the table has."""
    ours = (*REQUIRED, *OPTIONAL)
    for name in columns:
        if name not in ours:
            raise InputError(
                f"columns: '{name}' is not one of our columns; {nearest(str(name), ours)} allowed: "
                f"{', '.join(ours)}"
            )
    theirs = {
        name: columns.get(name, name)
        for name in ours
        if name in REQUIRED or name in columns or name in frame.columns
    }
    existing = list(map(str, frame.columns))
    for our, name in theirs.items():
        found = list(frame.columns).count(name)
        if found != 1:
            problem = "missing" if not found else f"in the table {found} times"
            hint = nearest(str(name), existing) if not found else ""
            raise InputError(
                f"{source}: column '{name}' (our {our}) is {problem}; {hint} columns of the table: "
                f"{', '.join(existing)}"
            )
    return theirs


def _refuse(frame: pd.DataFrame, column: str, bad: np.ndarray, reason: str, source: str) -> None:
    """Raise an error that names the first bad row, if there is one."""
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise cell_error(source, frame.index[place], column, frame[column].iloc[place], reason)


def _text(frame: pd.DataFrame, column: str, source: str) -> pd.Series:
    missing = frame[column].isna().to_numpy()
    _refuse(frame, column, missing, "the cell is empty; every trial needs it", source)
    return frame[column].astype(str).reset_index(drop=True)


def _numbers(frame: pd.DataFrame, column: str, source: str) -> np.ndarray:
    numbers = pd.to_numeric(frame[column], errors="coerce").to_numpy(dtype=float, na_value=np.nan)
    _refuse(frame, column, ~np.isfinite(numbers), "not a finite number", source)
    return numbers


def _counts(frame: pd.DataFrame, column: str, source: str) -> np.ndarray:
    counts = _numbers(frame, column, source)
    bad = (counts < 1) | (counts > MOST_TRIALS) | (counts != np.round(counts))
    _refuse(frame, column, bad, f"use a whole number of trials, from 1 to {MOST_TRIALS}", source)
    return counts.astype(int)


def _answers(frame: pd.DataFrame, column: str, n: np.ndarray, source: str) -> np.ndarray:
    answers = _numbers(frame, column, source)
    bad = (answers < 0) | (answers > n) | (answers != np.round(answers))
    if bad.any():
        most = n[int(np.flatnonzero(bad)[0])]
        allowed = "0 or 1" if most == 1 else f"a whole number from 0 to n = {most}"
        _refuse(frame, column, bad, f"correct answers: {allowed}", source)
    return answers.astype(int)


def _truth(frame: pd.DataFrame, column: str, source: str) -> np.ndarray:
    values = [each.lower() if isinstance(each, str) else each for each in frame[column]]
    bad = np.array([each not in TRUTH for each in values])
    _refuse(frame, column, bad, "use true or false", source)
    return np.array([TRUTH[each] for each in values])


def _check_repeated(trials: pd.DataFrame, labels: pd.Index, source: str) -> None:
    """Raise if a trial number occurs twice for an observer (and session)."""
    if "trial" not in trials.columns:
        return
    keys = [key for key in ("observer", "session", "trial") if key in trials.columns]
    bad = trials.duplicated(keys).to_numpy()
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        repeated = trials[keys].iloc[place]
        named = ", ".join(f"{key} {repeated[key]}" for key in keys)
        first = labels[int(np.flatnonzero((trials[keys] == repeated).all(axis=1))[0])]
        reason = f"{named} occurs twice (first in row {first}); keep one"
        raise cell_error(source, labels[place], "trial", trials["trial"].iloc[place], reason)

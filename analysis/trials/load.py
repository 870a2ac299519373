"""From tables to the frame of trials (`analysis.trials.frame`)."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from analysis.trials.frame import checked_task
from scenes.base.errors import InputError, nearest

REQUIRED = ("observer", "condition", "stimulus", "level", "correct")
OPTIONAL = (
    "n",
    "same",
    "trial",
    "session",
    "response",
    "unit",
    "target",
    "attribute",
    "model",
    "layer",
    "role",
    "family",
)
# Of the optional ones, those that tell trials or cells apart: a gap would drop or mix rows.
WITHOUT_GAPS = ("trial", "session", "target", "attribute", "family")
MOST_TRIALS = 10**9  # in a row
TRUTH = {1: True, 0: False, "true": True, "false": False}  # 1 is True, and 1.0, as keys


def from_table(
    frame: pd.DataFrame,
    columns: Mapping[str, str] | None = None,
    *,
    task: str,
    source: str = "table",
) -> pd.DataFrame:
    """Make the frame of trials of anyone's table in long form.

    Parameters
    ----------
    frame
        A row a trial, or a row for `n` trials of one kind. It is left as it is.
    columns
        Their name of each of our columns: observer, condition, stimulus, level, correct, and
        optionally n (trials in a row; then `correct` counts right answers), same (True where a
        same–different trial showed the same twice; without it, level 0 did), trial, session,
        response, unit, target, attribute, model, layer, role, family. A column that is not named
        has our name. All other columns are left out.
    task
        ``2afc``, ``match_to_sample``, ``oddity`` or ``same_different``.
    source
        What the messages call the table, such as a file.

    Returns
    -------
    pandas.DataFrame
        Columns observer, condition, stimulus (text), level (float), correct, n (int), task, and
        those optional ones that there were; rows in their order, index from 0.

    Raises
    ------
    InputError
        With the row (its index label in `frame`), column, value and reason: a column is missing
        or named twice, a value is missing (of the optional columns: of trial, session, target,
        attribute, family) or not finite, an answer is not within 0 to n, n is not a whole
        number from 1, a trial occurs twice, a condition mixes units.

    Examples
    --------
    >>> table = pd.read_csv("their_data.csv")
    >>> names = {"observer": "subj", "condition": "cond", "stimulus": "img", "level": "contrast"}
    >>> trials = from_table(table, columns={**names, "correct": "hit"}, task="2afc")
    """
    checked_task(task)
    theirs = _names(frame, dict(columns or {}), source)
    if frame.empty:
        raise InputError(f"{source}: the table has no rows")
    made: dict[str, Any] = {}
    for ours in ("observer", "condition", "stimulus"):
        made[ours] = _text(frame, theirs[ours], source)
    made["level"] = _numbers(frame, theirs["level"], source)
    made["n"] = _counts(frame, theirs["n"], source) if "n" in theirs else np.ones(len(frame), int)
    made["correct"] = _answers(frame, theirs["correct"], made["n"], source)
    made["task"] = task
    if "same" in theirs:
        made["same"] = _truth(frame, theirs["same"], source)
    for ours in OPTIONAL:
        if ours in theirs and ours not in made:
            if ours in WITHOUT_GAPS:
                gaps = frame[theirs[ours]].isna().to_numpy()
                _refuse(
                    frame,
                    theirs[ours],
                    gaps,
                    "nothing is there; fill it in, or drop the column",
                    source,
                )
            made[ours] = frame[theirs[ours]].to_numpy()
    trials = pd.DataFrame(made)
    _check_repeated(trials, frame.index, source)
    check_units(trials, source)
    return trials


def check_units(trials: pd.DataFrame, source: str) -> None:
    """Check that the levels of each condition have one unit, where the table tells units.

    Raises
    ------
    InputError
        A condition mixes them.
    """
    if "unit" not in trials.columns:
        return
    for condition, cell in trials.groupby("condition", sort=False):
        units = sorted(map(str, cell["unit"].unique()))
        if len(units) > 1:
            raise InputError(
                f"{source}: condition '{condition}' mixes units of level ({', '.join(units)}); "
                "one curve needs one unit: split the condition, or use level"
            )


def wrong(source: str, row: Any, column: str, value: Any, reason: str) -> InputError:
    """Make the error for one cell of a table: ``table: row 3, column 'hit': 'yes': reason``."""
    shown = repr(value.item() if isinstance(value, np.generic) else value)
    return InputError(f"{source}: row {row}, column '{column}': {shown[:60]}: {reason}")


def _names(frame: pd.DataFrame, columns: dict[str, str], source: str) -> dict[str, str]:
    """Their name of each of our columns that the table has."""
    for ours in columns:
        if ours not in (*REQUIRED, *OPTIONAL):
            allowed = ", ".join((*REQUIRED, *OPTIONAL))
            hint = nearest(str(ours), (*REQUIRED, *OPTIONAL))
            raise InputError(f"columns: '{ours}' is none of ours; {hint} allowed: {allowed}")
    theirs = {name: columns.get(name, name) for name in REQUIRED}
    theirs |= {
        name: columns.get(name, name)
        for name in OPTIONAL
        if name in columns or name in frame.columns
    }
    for ours, name in theirs.items():
        found = list(frame.columns).count(name)
        if found != 1:
            problem = "missing" if not found else f"there {found} times"
            hint = nearest(str(name), map(str, frame.columns)) if not found else ""
            raise InputError(
                f"{source}: column '{name}' (our {ours}) is {problem}; {hint} columns there: "
                f"{', '.join(map(str, frame.columns))}"
            )
    return theirs


def _first(frame: pd.DataFrame, bad: np.ndarray) -> tuple[Any, int]:
    """Label and place of the first bad row."""
    place = int(np.flatnonzero(bad)[0])
    return frame.index[place], place


def _refuse(frame: pd.DataFrame, column: str, bad: np.ndarray, reason: str, source: str) -> None:
    if bad.any():
        label, place = _first(frame, bad)
        raise wrong(source, label, column, frame[column].iloc[place], reason)


def _text(frame: pd.DataFrame, column: str, source: str) -> pd.Series:
    missing = frame[column].isna().to_numpy()
    _refuse(frame, column, missing, "nothing is there; every trial needs it", source)
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
        label, place = _first(frame, bad)
        allowed = "0 or 1" if n[place] == 1 else f"a whole number from 0 to n = {n[place]}"
        raise wrong(source, label, column, frame[column].iloc[place], f"right answers: {allowed}")
    return answers.astype(int)


def _truth(frame: pd.DataFrame, column: str, source: str) -> np.ndarray:
    values = [each.lower() if isinstance(each, str) else each for each in frame[column]]
    bad = np.array([each not in TRUTH for each in values])
    _refuse(frame, column, bad, "use true or false", source)
    return np.array([TRUTH[each] for each in values])


def _check_repeated(trials: pd.DataFrame, labels: pd.Index, source: str) -> None:
    """Refuse a trial that is there twice; without trial numbers, none can be told from another."""
    if "trial" not in trials.columns:
        return
    keys = [key for key in ("observer", "session", "trial") if key in trials.columns]
    bad = trials.duplicated(keys).to_numpy()
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        named = ", ".join(f"{key} {trials[key].iloc[place]}" for key in keys)
        first = labels[
            int(np.flatnonzero((trials[keys] == trials[keys].iloc[place]).all(axis=1))[0])
        ]
        raise wrong(
            source,
            labels[place],
            "trial",
            trials["trial"].iloc[place],
            f"{named} is there twice (first in row {first}); keep one",
        )

"""Checks of a session's table: each cell alone, and against the stimulus set.

The stimulus set also states to which condition and level a trial belongs (target, attribute, model,
level, distance). An edited cell would add a condition or move a threshold.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.trials.load import cell_error
from psychophysics.data.columns import MISSING
from psychophysics.design import ROLES
from psychophysics.tasks.registry import TASKS
from stimuli.schema import KEY
from stimuli.stimulus_set import StimulusSet

NUMBERS = ("level", "physical_distance", "correct")
PHASES = ("practice", "main", "catch")
NAMES = ("target", "family", "attribute", "model", "layer")  # equal within a condition
DIGITS = 9  # after the decimal point, of numbers in a session's table


def check_cells(raw: pd.DataFrame, task: str, path: Path) -> None:
    """Raise an error for the first cell that is not allowed.

    `raw` is the table as text, its index the lines of the file.
    """
    alternatives = TASKS[task].alternatives
    allowed: list[tuple[str, Sequence[str]]] = [
        ("phase", PHASES),
        ("comparison", tuple(ROLES)),
        ("correct", ("0", "1")),
        ("same", ("true", "false")),
        ("correct_response", alternatives),
        ("response", (*alternatives, MISSING)),
    ]
    for column, values in allowed:
        _refuse(raw, column, ~raw[column].isin(values), f"allowed: {', '.join(values)}", path)
    for column in NUMBERS:
        numbers = pd.to_numeric(raw[column], errors="coerce")
        _refuse(raw, column, ~np.isfinite(numbers), "not a finite number", path)
    whole = raw["trial"].str.fullmatch(r"\d{1,9}")
    _refuse(raw, "trial", ~whole, "not a whole number from 0", path)
    _refuse(raw, "trial", raw["trial"].duplicated(), "this trial occurs twice; keep one", path)
    _refuse(raw, "level", pd.to_numeric(raw["level"]) < 0, "levels are from 0", path)
    for column in ["response_time", *raw.columns[raw.columns.str.startswith("dropped_")]]:
        numbers = pd.to_numeric(raw[column].where(raw[column] != MISSING, "0"), errors="coerce")
        bad = ~(np.isfinite(numbers) & (numbers >= 0))
        _refuse(raw, column, bad, f"neither a number from 0 nor {MISSING}", path)
    right = (raw["response"] == raw["correct_response"]).map({True: "1", False: "0"})
    reason = "does not fit response and correct_response"
    _refuse(raw, "correct", right != raw["correct"], reason, path)


def check_against_set(
    raw: pd.DataFrame, images: Sequence[str], stimuli: StimulusSet, path: Path
) -> None:
    """Raise for the first cell that differs from the stimulus set; `images` are id columns."""
    table = stimuli.table.set_index(KEY)
    for column in images:
        _refuse(raw, column, ~raw[column].isin(table.index), f"no stimulus of {stimuli.path}", path)
    series = _series(stimuli.table)
    unknown = ~raw["condition"].isin(series["condition"])
    _refuse(raw, "condition", unknown, f"no series of {stimuli.path}", path)
    for column in NAMES:
        known = zip(series["condition"], series[column], strict=True)
        _compare(raw, column, known, zip(raw["condition"], raw[column], strict=True), path)
    level, distance = (_rounded(raw[column]) for column in ("level", "physical_distance"))
    in_set = list(zip(series["condition"], series["level"], strict=True))
    in_session = list(zip(raw["condition"], level, strict=True))
    _compare(raw, "level", in_set, in_session, path)
    known = zip(in_set, series["physical_distance"], strict=True)
    _compare(raw, "physical_distance", known, zip(in_session, distance, strict=True), path)
    for column in images:
        shown = table.loc[raw[column]].set_axis(raw.index)
        other = shown["family"] != raw["family"]
        _refuse(raw, column, other, f"is of another family in {stimuli.path}", path)
        other = (shown["role"] != "target") & (_rounded(shown["level"]) != level)
        _refuse(raw, column, other, f"is of another level in {stimuli.path}", path)
    own = raw[[*images]].eq(raw["stimulus"], axis=0).any(axis=1)
    _refuse(raw, "stimulus", ~own, "is none of the trial's images", path)


def run_names(raw: pd.DataFrame) -> pd.Series:
    """Return the run of every trial, from its condition ``<run>-<comparison>``."""
    pairs = zip(raw["condition"], raw["comparison"], strict=True)
    named = [condition.removesuffix(f"-{comparison}") for condition, comparison in pairs]
    return pd.Series(named, index=raw.index)


def _series(table: pd.DataFrame) -> pd.DataFrame:
    """Return conditions and levels of a set, with text and numbers as in session tables."""
    kinds = {role: comparison for comparison, roles in ROLES.items() for role in roles}
    compared = table[table["role"].isin(kinds)]
    condition = compared["run"] + "-" + compared["role"].map(kinds)
    columns = [*NAMES, "level", "physical_distance"]
    series = compared[columns].assign(condition=condition).drop_duplicates()
    zero = table.loc[table["role"] == "rerender", ["family", "level", "physical_distance"]]
    named = series[["condition", *NAMES]].drop_duplicates()
    every = pd.concat([series, named.merge(zero.drop_duplicates(), on="family")])
    names = {name: every[name].fillna("").replace("", MISSING) for name in NAMES}
    numbers = {name: _rounded(every[name]) for name in ("level", "physical_distance")}
    return every.assign(**names, **numbers)


def _rounded(numbers: pd.Series) -> pd.Series:
    return numbers.astype(float).round(DIGITS)


def _compare(
    raw: pd.DataFrame,
    column: str,
    known: Iterable[tuple[Hashable, Hashable]],
    given: Iterable[tuple[Hashable, Hashable]],
    path: Path,
) -> None:
    """Raise for the first row whose (key, value) in `given` is not in `known`, from the set."""
    allowed: dict[Hashable, set[Hashable]] = defaultdict(set)
    for key, value in known:
        allowed[key].add(value)
    pairs = list(given)
    bad = pd.Series([value not in allowed[key] for key, value in pairs], raw.index)
    if bad.any():
        key, _ = pairs[int(np.flatnonzero(bad)[0])]
        values = ", ".join(sorted(map(str, allowed[key])))
        _refuse(raw, column, bad, f"does not fit the stimulus set, which has {values}", path)


def _refuse(raw: pd.DataFrame, column: str, bad: pd.Series, reason: str, path: Path) -> None:
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise cell_error(str(path), raw.index[place], column, raw[column].iloc[place], reason)

"""The cells of a session's table: each one alone, and beside what the stimulus set says.

What decides where a trial is counted (target, attribute, model, level, distance) stands in the set
as well. A cell that was altered since would make a condition of its own, or move a threshold.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.trials.load import wrong
from psychophysics.data.columns import MISSING
from psychophysics.design import ROLES
from psychophysics.tasks.registry import TASKS
from stimuli.schema import KEY
from stimuli.stimulus_set import StimulusSet

NUMBERS = ("level", "physical_distance", "correct")
PHASES = ("practice", "main", "catch")
NAMES = ("target", "family", "attribute", "model", "layer")  # that follow from a condition
DIGITS = 9  # after the point, of numbers in a session's table


def check(raw: pd.DataFrame, task: str, path: Path) -> None:
    """Check every cell alone.

    Parameters
    ----------
    raw
        The table as text, its index the rows as people count them.
    task
        Of the session.
    path
        Its file.

    Raises
    ------
    InputError
        With the first cell that is not allowed: row, column, value and reason.
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
    _refuse(raw, "trial", raw["trial"].duplicated(), "this trial is there twice; keep one", path)
    _refuse(raw, "level", pd.to_numeric(raw["level"]) < 0, "levels are from 0", path)
    for column in ["response_time", *raw.columns[raw.columns.str.startswith("dropped_")]]:
        numbers = pd.to_numeric(raw[column].where(raw[column] != MISSING, "0"), errors="coerce")
        bad = ~(np.isfinite(numbers) & (numbers >= 0))
        _refuse(raw, column, bad, f"neither a number from 0 nor {MISSING}", path)
    right = (raw["response"] == raw["correct_response"]).map({True: "1", False: "0"})
    _refuse(
        raw, "correct", right != raw["correct"], "does not fit response and correct_response", path
    )


def check_against_set(
    raw: pd.DataFrame, images: Sequence[str], stimuli: StimulusSet, path: Path
) -> None:
    """Check what the trials say of their images against the set that holds these.

    Parameters
    ----------
    raw
        The table as text, each cell checked alone.
    images
        Columns of the images' ids.
    stimuli
        The set that was shown.
    path
        The session's file.

    Raises
    ------
    InputError
        With the first cell that is otherwise: row, column, value, and what the set has.
    """
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
    places = list(zip(series["condition"], series["level"], strict=True))
    said = list(zip(raw["condition"], level, strict=True))
    _compare(raw, "level", places, said, path)
    there = zip(places, series["physical_distance"], strict=True)
    _compare(raw, "physical_distance", there, zip(said, distance, strict=True), path)
    for column in images:
        shown = table.loc[raw[column]].set_axis(raw.index)
        other = shown["family"] != raw["family"]
        _refuse(raw, column, other, f"is of another family in {stimuli.path}", path)
        other = (shown["role"] != "target") & (_rounded(shown["level"]) != level)
        _refuse(raw, column, other, f"is of another level in {stimuli.path}", path)
    mine = raw[[*images]].eq(raw["stimulus"], axis=0).any(axis=1)
    _refuse(raw, "stimulus", ~mine, "is none of the trial's images", path)


def runs(raw: pd.DataFrame) -> pd.Series:
    """Run of every trial: its condition is ``<run>-<comparison>``."""
    pairs = zip(raw["condition"], raw["comparison"], strict=True)
    named = [condition.removesuffix(f"-{comparison}") for condition, comparison in pairs]
    return pd.Series(named, index=raw.index)


def _series(table: pd.DataFrame) -> pd.DataFrame:
    """What a set tells of every condition and level, text and numbers as sessions have them."""
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
    said: Iterable[tuple[Hashable, Hashable]],
    path: Path,
) -> None:
    """Refuse the first row that says of a thing what the set does not.

    Parameters
    ----------
    known, said
        Pairs of a thing (a condition, an image) and what is told of it: by the set, and by every
        row.
    """
    of: dict[Hashable, set[Hashable]] = defaultdict(set)
    for thing, value in known:
        of[thing].add(value)
    pairs = list(said)
    bad = pd.Series([value not in of[thing] for thing, value in pairs], raw.index)
    if bad.any():
        thing, _ = pairs[int(np.flatnonzero(bad)[0])]
        there = ", ".join(sorted(map(str, of[thing])))
        _refuse(raw, column, bad, f"does not fit the stimulus set, which has {there} there", path)


def _refuse(raw: pd.DataFrame, column: str, bad: pd.Series, reason: str, path: Path) -> None:
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        raise wrong(str(path), raw.index[place], column, raw[column].iloc[place], reason)

"""Check that every participant has answers wherever participants are compared with themselves."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.trials.frame import is_same
from scenes.base.errors import InputError

CELL = ["condition", "role"]


def check_complete(trials: pd.DataFrame, source: str) -> None:
    """Raise if a participant has no remaining trials in a condition, on its series or controls.

    Same pairs and level 0 do not count: they say nothing about a threshold.
    """
    every = set(_different(trials)[CELL].itertuples(index=False, name=None))
    for observer, own in trials.groupby("observer", sort=True):
        shown = set(_different(own)[CELL].itertuples(index=False, name=None))
        if missing := sorted(every - shown):
            # A condition without any trial is listed once, not once for each role.
            has = {condition for condition, _ in shown}
            named = dict.fromkeys(
                f"{condition} (role {role})" if condition in has else condition
                for condition, role in missing
            )
            raise InputError(
                f"{source}: participant {observer} has no trials of {', '.join(named)} "
                f"after exclusions ({len(shown)} of {len(every)} conditions and roles); "
                f"add {observer} to analysis.exclude.participants, finish the session, or "
                "loosen the rules"
            )


def list_gaps(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the targets and levels that only one participant did not see.

    `level` is NaN where the whole target is missing. Adaptive procedures have such gaps by design.
    """
    shown = _different(trials)
    people = shown["observer"].nunique()
    rows: list[tuple[Any, ...]] = []
    whole_targets: set[tuple[Any, ...]] = set()  # not seen at all: their levels are not listed
    for (condition, role), cell in shown.groupby(CELL, sort=True):
        for keys in (["target"], ["target", "level"]):
            seen = cell.drop_duplicates(["observer", *keys])
            counts = seen.groupby(keys, sort=True)["observer"].agg(["nunique", "unique"])
            for names, row in counts[counts["nunique"] == people - 1].iterrows():
                target, level = names if isinstance(names, tuple) else (names, np.nan)
                (observer,) = set(cell["observer"]) - set(row["unique"])
                whole = (observer, condition, role, target)
                if whole not in whole_targets:
                    rows.append((*whole, level))
                if keys == ["target"]:
                    whole_targets.add(whole)
    columns = ["observer", *CELL, "target", "level"]
    return pd.DataFrame(rows, columns=columns).sort_values(columns, ignore_index=True)


def _different(trials: pd.DataFrame) -> pd.DataFrame:
    """Return the trials that show two different scenes."""
    return trials[~is_same(trials) & (trials["level"] > 0).to_numpy()]

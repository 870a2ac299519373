"""Whether every participant answered whatever is compared within participants."""

from typing import Any

import numpy as np
import pandas as pd

from analysis.trials.frame import is_same
from scenes.base.errors import InputError

CELL = ["condition", "role"]


def check(trials: pd.DataFrame, source: str) -> None:
    """Check that every participant answered in every condition, its series and its controls.

    Only trials that show a difference count: pairs of the same, and a target beside its re-render
    (level 0), say nothing of a threshold.

    Parameters
    ----------
    trials
        Of the phase ``main``, exclusions applied.
    source
        What the message names: the folder of the data.

    Raises
    ------
    InputError
        A participant has no such trial of a condition, or of one of its roles.
    """
    shown = _shown(trials)
    every = set(shown[CELL].itertuples(index=False, name=None))
    for observer, cell in trials.groupby("observer", sort=True):
        its = set(_shown(cell)[CELL].itertuples(index=False, name=None))
        if missing := sorted(every - its):
            # A condition without any trial is one thing that is missing, not one a role.
            has = {condition for condition, _ in its}
            named = dict.fromkeys(
                f"{condition} (role {role})" if condition in has else condition
                for condition, role in missing
            )
            raise InputError(
                f"{source}: participant {observer} has no trials of {', '.join(named)} "
                f"after exclusions ({len(its)} of {len(every)} conditions and roles); "
                f"name {observer} under analysis.exclude.participants, finish the session, or "
                "loosen the rules"
            )


def gaps(trials: pd.DataFrame) -> pd.DataFrame:
    """List the targets and levels that a participant did not see, and every other one did.

    Parameters
    ----------
    trials
        As for `check`.

    Returns
    -------
    pandas.DataFrame
        A row a gap: ``observer``, ``condition``, ``role``, ``target`` and ``level`` (NaN where
        the whole target is missing). With adaptive procedures levels differ by design.
    """
    shown = _shown(trials)
    people = shown["observer"].nunique()
    rows: list[tuple[Any, ...]] = []
    missing: set[tuple[Any, ...]] = set()  # targets, whole: their levels are not listed too
    for (condition, role), cell in shown.groupby(CELL, sort=True):
        for keys in (["target"], ["target", "level"]):
            seen = cell.drop_duplicates(["observer", *keys])
            counts = seen.groupby(keys, sort=True)["observer"].agg(["nunique", "unique"])
            for names, row in counts[counts["nunique"] == people - 1].iterrows():
                target, level = names if isinstance(names, tuple) else (names, np.nan)
                (observer,) = set(cell["observer"]) - set(row["unique"])
                whole = (observer, condition, role, target)
                if whole not in missing:
                    rows.append((*whole, level))
                if keys == ["target"]:
                    missing.add(whole)
    columns = ["observer", *CELL, "target", "level"]
    return pd.DataFrame(rows, columns=columns).sort_values(columns, ignore_index=True)


def _shown(trials: pd.DataFrame) -> pd.DataFrame:
    """Trials that show a difference."""
    return trials[~is_same(trials) & (trials["level"] > 0).to_numpy()]

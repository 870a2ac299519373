"""Select the runs that become stimuli, from the table of records."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import pandas as pd

View = tuple[str, str]  # camera and light
FEWEST_SEEDS = 3  # a trial shows up to three images of one scene, and no image twice


@dataclass(frozen=True)
class Refusal:
    """A run or family that is left out, and the reason."""

    name: str
    reason: str


def selected(
    records: pd.DataFrame, accept: Literal["metamers", "all"]
) -> tuple[pd.DataFrame, list[Refusal]]:
    """Return the accepted rows of `records`, in their order, and the refusals.

    A run is accepted if its series is complete (every level at every camera, light and noise seed
    of its family's target) and, with ``metamers``, if its result is one. Pixel searches need no
    verdict. The images that a family shares are accepted if one of its runs is.
    """
    refusals: list[Refusal] = []
    taken: list[pd.DataFrame] = []
    for family, rows in records.groupby("family", sort=False):
        shared, of_runs = rows[rows["run"].isna()], rows[rows["run"].notna()]
        if reason := _shared_problem(shared):
            refusals.append(Refusal(str(family), reason))
            continue
        wanted = _seeds(shared[shared["role"] == "target"])
        runs: list[pd.DataFrame] = []
        others: list[pd.DataFrame] = []
        for name, run in of_runs.groupby("run", sort=False):
            if reason := next(_run_problems(run, wanted, accept), ""):
                refusals.append(Refusal(str(name), reason))
            else:
                (others if set(run["role"]) <= {"pixel", "control"} else runs).append(run)
        if runs:
            taken += [shared, *runs, *others]
        else:
            refusals.append(Refusal(str(family), "none of its runs is taken"))
    table = pd.concat(taken).sort_index() if taken else records.iloc[:0]
    return table, refusals


def _shared_problem(shared: pd.DataFrame) -> str:
    """Return which of the images that a family shares are missing; "" if none."""
    wanted = _seeds(shared[shared["role"] == "target"])
    if not wanted:
        return "its target's images are missing; mrd generate makes them"
    if len(set(wanted.values())) > 1 or _seeds(shared[shared["role"] == "rerender"]) != wanted:
        return "its target or re-rendered target lacks images; mrd generate makes them"
    if (seeds := min(wanted.values())) < FEWEST_SEEDS:
        return f"has {seeds} noise seeds; series.noise_seeds must be at least {FEWEST_SEEDS}"
    for number, null in shared[shared["role"] == "null"].groupby("level_index"):
        if set(_seeds(null)) != set(wanted):
            return f"null scene {number} lacks images; mrd generate makes them"
    return ""


def _run_problems(run: pd.DataFrame, wanted: Mapping[View, int], accept: str) -> Iterator[str]:
    """Yield the reasons why a run is not accepted."""
    verdicts = set(run.loc[run["role"].isin(("series", "result")), "verdict"])
    if accept == "metamers" and verdicts and verdicts != {"metamer"}:
        yield "its result is not a metamer (stimuli.accept: all takes it)"
    for role, rows in _series(run):
        levels = sorted(set(rows["level_index"]))
        if levels != list(range(1, len(levels) + 1)):
            yield f"its {role} lacks a level (there are {levels}); mrd generate makes it"
        for level, images in rows.groupby("level_index"):
            if _seeds(images) != wanted:
                yield f"its {role} lacks images at level {level}; mrd generate makes them"


def _series(run: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield the series, controls and pixel levels of a run; the result ends its series."""
    for role, rows in run.groupby(run["role"].replace({"result": "series"}), sort=False):
        yield str(role), rows


def _seeds(rows: pd.DataFrame) -> Mapping[View, int]:
    """Return the number of noise seeds at each camera and light."""
    unique = rows[["camera", "light", "noise_seed"]].drop_duplicates()
    return Counter(unique[["camera", "light"]].itertuples(index=False, name=None))

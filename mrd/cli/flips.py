"""Table of searches with ``mode: flip``: how often a class changed, and by what change."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from mrd.cli.tables import Rows, number, table
from mrd.workflow.standings import RunStatus


def flips(statuses: Sequence[RunStatus]) -> Rows | None:
    """Return one row for each search with ``mode: flip`` and its model; None if no run has ended.

    Failed runs are counted beside the finished ones. Sizes are medians of the flipped runs, in the
    unit of the measure.
    """
    finished: dict[tuple[str, str], list[dict[str, Any]]] = {}
    failed: dict[tuple[str, str], int] = {}
    for each in statuses:
        key = (each.run.spec.search, each.run.spec.model)
        if each.judgement and "flip" in each.judgement:
            finished.setdefault(key, []).append(each.judgement["flip"])
        elif each.run.search.mode == "flip" and each.status == "failed":
            failed[key] = failed.get(key, 0) + 1
    if not finished and not failed:
        return None
    keys = dict.fromkeys((each.run.spec.search, each.run.spec.model) for each in statuses)
    return table(
        ("search", "model", "flipped", "size", "held out fooled", "random changes of that size"),
        (
            (*key, *_rates(finished.get(key, []), failed.get(key, 0)))
            for key in keys
            if key in finished or key in failed
        ),
    )


def _rates(finished: Sequence[dict[str, Any]], failed: int) -> tuple[str, str, str, str]:
    """Return the cells of one row: flipped runs, median size, cameras fooled, random changes."""
    flipped = [each for each in finished if each["distance"] is not None]
    count = f"{len(flipped)} of {len(finished)}" + (f" finished; {failed} failed" if failed else "")
    if not flipped:
        return count, "–", "–", "–"
    held_out = [row["flipped"] for each in flipped for row in each["cameras"] if row["held_out"]]
    changes = [each["random_changes"] for each in flipped]
    size = number(median(each["distance"] for each in flipped))
    return (
        count,
        f"{size} {finished[0]['measure'].replace('_', ' ')}",
        f"{sum(held_out)} of {len(held_out)}",
        f"{sum(each['flipped'] for each in changes)} of {sum(each['of'] for each in changes)}",
    )

"""How often a class was flipped, and by how much: over the targets and seeds of a search."""

from collections.abc import Sequence
from statistics import median
from typing import Any

from mrd.cli.tables import Rows, number, table
from mrd.workflow.standings import Standing


def flips(standings: Sequence[Standing]) -> Rows | None:
    """Show for every search with ``mode: flip`` and model what came out; None without any.

    Sizes are medians of those that were flipped, in the unit of the measure.
    """
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in standings:
        if each.judgement and "flip" in each.judgement:
            key = (each.run.spec.search, each.run.spec.model)
            found.setdefault(key, []).append(each.judgement["flip"])
    if not found:
        return None
    return table(
        ("search", "model", "flipped", "size", "held out fooled", "random changes of that size"),
        ((search, model, *_rates(each)) for (search, model), each in found.items()),
    )


def _rates(found: Sequence[dict[str, Any]]) -> tuple[str, str, str, str]:
    """Flips of how many, median size, held-out cameras fooled, and random changes that flip too."""
    flipped = [each for each in found if each["distance"] is not None]
    if not flipped:
        return f"0 of {len(found)}", "–", "–", "–"
    held_out = [row["flipped"] for each in flipped for row in each["cameras"] if row["held_out"]]
    changes = [each["random_changes"] for each in flipped]
    size = number(median(each["distance"] for each in flipped))
    return (
        f"{len(flipped)} of {len(found)}",
        f"{size} {found[0]['measure'].replace('_', ' ')}",
        f"{sum(held_out)} of {len(held_out)}",
        f"{sum(each['flipped'] for each in changes)} of {sum(each['of'] for each in changes)}",
    )

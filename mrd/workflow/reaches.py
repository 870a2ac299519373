"""Reaches of a study's searches with ``mode: diverge``, or why a search has none.

The reach is the distance from the target of the widest metamer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mrd.study.resolved_run import ResolvedRun
from mrd.workflow.standings import RunStatus
from scenes.differences import UNITS


@dataclass(frozen=True)
class Reach:
    """Reach of one search, from its `criterion.json`; distances are in `unit`."""

    run: ResolvedRun
    distance: float | None  # the reach; None if there is none
    control: float | None  # of the largest random change that passes the criterion
    control_ends: bool  # whether a larger random change failed; else `control` is a lower bound
    starts: str  # how many starts passed, and, if there is no reach, why

    @property
    def attribute(self) -> str:
        """The searched attribute."""
        return str(self.run.search.attributes[0])

    @property
    def unit(self) -> str:
        """Unit of both distances."""
        return UNITS[self.attribute]


def reaches(statuses: Sequence[RunStatus]) -> list[Reach]:
    """Return the reach of every search with ``mode: diverge``, in the order of the grid."""
    return [_reach(each) for each in statuses if each.run.search.mode == "diverge"]


def _reach(status: RunStatus) -> Reach:
    """Return the reach of one search, or why it has none."""
    if status.judgement is None:
        return Reach(status.run, None, None, False, f"search {status.status}")
    reach = status.judgement["reach"]
    control = reach.get("control") or {}
    return Reach(
        run=status.run,
        distance=reach["distance"],
        control=control.get("distance"),
        control_ends=control.get("failed_at") is not None,
        starts=_starts(reach),
    )


def _starts(reach: dict[str, Any]) -> str:
    """Return how many starts passed, and, if there is no reach, why."""
    starts = reach["starts"]
    passed = sum(each["verdict"] == "metamer" for each in starts)
    count = f"{passed} of {len(starts)}"
    if reach["distance"] is not None:
        return count
    if passed:
        return f"{count}, none when scored again"
    if all(each["distance"] is None for each in starts):
        return f"{count}, none kept a match"
    return f"{count}, the criterion fails all"

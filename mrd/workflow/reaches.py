"""The reaches of a study's searches away from their targets, or why there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mrd.study.study import ResolvedRun
from mrd.workflow.standings import Standing

# Units of the distances in `scenes.differences.DISTANCE`.
UNITS = {"shape": "radii", "material": "log units", "lighting": "log units", "pose": "degrees"}


@dataclass(frozen=True)
class Reach:
    """How far one search went, as its `criterion.json` tells.

    Parameters
    ----------
    run
        What the study asks for.
    distance
        The reach, in `unit`; None where there is none.
    control
        How far a random change of the same kind goes before the model tells; None where nothing
        passed, or it was not looked for.
    control_ends
        Whether a change beyond that was seen to fail; the control's reach is a lower bound else.
    standing
        How many of its starts passed, and why there is no reach.
    """

    run: ResolvedRun
    distance: float | None
    control: float | None
    control_ends: bool
    standing: str

    @property
    def attribute(self) -> str:
        """What was searched."""
        return str(self.run.search.attributes[0])

    @property
    def unit(self) -> str:
        """Of both distances."""
        return UNITS[self.attribute]


def reaches(standings: Sequence[Standing]) -> list[Reach]:
    """Tell the reach of every search that goes away from its target, in the order of the grid."""
    return [_reach(each) for each in standings if each.run.search.mode == "diverge"]


def _reach(standing: Standing) -> Reach:
    if standing.judgement is None:
        return Reach(standing.run, None, None, False, f"search {standing.status}")
    told = standing.judgement["reach"]
    control = told.get("control") or {}
    return Reach(
        run=standing.run,
        distance=told["distance"],
        control=control.get("distance"),
        control_ends=control.get("failed_at") is not None,
        standing=_starts(told),
    )


def _starts(told: dict[str, Any]) -> str:
    """Count the starts whose widest passed; say what happened where none is the reach."""
    starts = told["starts"]
    passed = sum(each["verdict"] == "metamer" for each in starts)
    count = f"{passed} of {len(starts)}"
    if told["distance"] is not None:
        return count
    if passed:
        return f"{count}, none when judged again"
    if all(each["distance"] is None for each in starts):
        return f"{count}, none kept a match"
    return f"{count}, the criterion fails all"

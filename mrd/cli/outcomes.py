"""Tables of outcomes: how many searches succeeded, and how well targets were recovered."""

from collections.abc import Sequence
from typing import Any

from mrd.cli.tables import Rows, number, table
from mrd.criterion.recovery import (
    METAMER,
    NOT_A_METAMER,
    RECOVERED,
    is_success,
    outcome,
    recovery,
    unit,
)
from mrd.workflow.standings import RunStatus

SHOWN = {
    "chamfer": "Chamfer distance",
    "normal_angle": "normals",
    "volume_iou": "volume IoU",
    "rms_log_reflectance": "RMS log reflectance",
    "rms_log_radiance": "RMS log radiance",
}


def successes(statuses: Sequence[RunStatus]) -> Rows | None:
    """Return one row for each search toward a target and its model; None if no run has ended."""
    finished: dict[tuple[str, str], list[RunStatus]] = {}
    for each in statuses:
        if each.judgement and "flip" not in each.judgement:
            finished.setdefault((each.run.spec.search, each.run.spec.model), []).append(each)
    if not finished:
        return None
    return table(
        ("search", "model", "goal", "succeeded", METAMER, RECOVERED, NOT_A_METAMER),
        ((*key, *_counts(runs)) for key, runs in finished.items()),
        numbers=(METAMER, RECOVERED, NOT_A_METAMER),
    )


def _counts(runs: Sequence[RunStatus]) -> tuple[str, ...]:
    """Return the goal of finished runs, how many reached it, and the number of each outcome."""
    scores = [(each.judgement or {}, each.run.search) for each in runs]
    succeeded = sum(is_success(*each) for each in scores)
    outcomes = [outcome(score) for score, _ in scores]
    counts = (str(outcomes.count(kind)) for kind in (METAMER, RECOVERED, NOT_A_METAMER))
    return runs[0].run.search.goal, f"{succeeded} of {len(runs)}", *counts


def recoveries(statuses: Sequence[RunStatus]) -> Rows | None:
    """Return the errors of every finished run against its target; None if no run has ended."""
    rows = [
        (each.run.name, outcome(each.judgement), _errors(each, each.judgement))
        for each in statuses
        if each.judgement
    ]
    return table(("run", "outcome", "difference from the target"), rows) if rows else None


def _errors(status: RunStatus, judgement: dict[str, Any]) -> str:
    """Return the errors of a run in words; those of earlier versions are in another key."""
    stored = judgement.get("recovery") or {
        "errors": recovery(judgement.get("physical_difference", {}), status.run.search)
    }
    return ", ".join(
        f"{SHOWN.get(name, name.replace('_', ' '))} {number(error)} {unit(attribute, name)}".strip()
        for attribute, errors in stored["errors"].items()
        for name, error in errors.items()
    )

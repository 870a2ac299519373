"""Records of finished runs for a stimulus set: reaches, recovery and warnings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from mrd.criterion.recovery import outcome
from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from scenes.base.digest import file_sha256


def reach(run: ResolvedRun, path: Path) -> dict[str, Any] | None:
    """Return the reach of the run in folder `path`; None if not done, or of another mode."""
    return _record(run, path, "reach", lambda judgement: str(judgement["verdict"]))


def recovery(run: ResolvedRun, path: Path) -> dict[str, Any] | None:
    """Return the errors of recovery of a run; None if not done, or of an earlier version."""
    return _record(run, path, "recovery", outcome)


def warnings(run: ResolvedRun, path: Path) -> dict[str, Any] | None:  # noqa: ARG001
    """Return the warnings of the run in folder `path`; None if it has none."""
    judgement = RunDirectory(path).judgement()
    if judgement is None or not judgement.get("warnings"):
        return None
    return {"warnings": judgement["warnings"], "sha256": file_sha256(path / "criterion.json")}


def _record(
    run: ResolvedRun, path: Path, key: str, verdict: Callable[[dict[str, Any]], str]
) -> dict[str, Any] | None:
    """Return one part of a run's `criterion.json`, with names, verdict and the file's SHA-256."""
    judgement = RunDirectory(path).judgement()
    if judgement is None or key not in judgement:
        return None
    return {
        "target": run.spec.target,
        "search": run.spec.search,
        "model": run.spec.model,
        "layer": ";".join(judgement["model"]["layers"]),
        "attribute": "+".join(run.search.attributes),
        "verdict": verdict(judgement),
        key: judgement[key],
        "sha256": file_sha256(path / "criterion.json"),
    }

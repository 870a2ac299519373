"""Records of runs for a stimulus set: reaches (distances of widest metamers), and warnings."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from scenes.base.digest import file_sha256


def reach(run: ResolvedRun, path: Path) -> dict[str, Any] | None:
    """Return the reach of the run in folder `path`, with the SHA-256 of its `criterion.json`.

    Return None if the search is not done, or its mode is not diverge.
    """
    judgement = RunDirectory(path).judgement()
    if judgement is None or "reach" not in judgement:
        return None
    return {
        "target": run.spec.target,
        "search": run.spec.search,
        "model": run.spec.model,
        "layer": ";".join(judgement["model"]["layers"]),
        "attribute": "+".join(run.search.attributes),
        "verdict": judgement["verdict"],
        "reach": judgement["reach"],
        "sha256": file_sha256(path / "criterion.json"),
    }


def warnings(path: Path) -> dict[str, Any] | None:
    """Return the warnings of the run in folder `path`, with the SHA-256 of its `criterion.json`.

    Return None if it has none.
    """
    judgement = RunDirectory(path).judgement()
    if judgement is None or not judgement.get("warnings"):
        return None
    return {"warnings": judgement["warnings"], "sha256": file_sha256(path / "criterion.json")}

"""Records of reaches (how far a widest metamer is from its target) for a stimulus set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from scenes.base.digest import file_sha256


def finding(run: ResolvedRun, path: Path) -> dict[str, Any] | None:
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

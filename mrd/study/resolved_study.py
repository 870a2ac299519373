"""A study whose files were read: meshes loaded and weights hashed once for a whole command."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mrd.study.resolved_model import resolved_model
from mrd.study.resolved_run import ResolvedRun
from mrd.study.study import Study, loaded_target, resolve_all
from scenes.scene import Scene


@dataclass(frozen=True)
class ResolvedStudy:
    """A study and its runs, after all their files were read."""

    study: Study
    runs: tuple[ResolvedRun, ...]

    @cached_property
    def families(self) -> dict[str, ResolvedRun]:
        """Name of a family (a target with one search) → one of its runs, if it has a series."""
        return {run.spec.family: run for run in self.runs if run.series is not None}

    @cached_property
    def targets(self) -> dict[str, Scene]:
        """Every target of the study, loaded; also targets that no search uses."""
        # A search of another object or lamp has the target with that as its first.
        first = [run for run in self.runs if not (run.search.object or run.search.lamp)]
        known = {run.spec.target: run.target for run in first}
        return {
            name: known[name] if name in known else loaded_target(name, self.study)
            for name in self.study.targets
        }

    @cached_property
    def models(self) -> dict[str, dict[str, Any]]:
        """Name of every model of the study → its record, which holds the SHA-256 of its files."""
        known = {run.spec.model: run.record["model"] for run in self.runs}
        return {
            name: known[name]
            if name in known
            else resolved_model(config, self.study.folder, f"models.{name}")[1]
            for name, config in self.study.models.items()
        }


def resolve_study(study: Study | ResolvedStudy) -> ResolvedStudy:
    """Return the study with its files read; a resolved study is returned unchanged.

    Raises
    ------
    InputError
        A file is missing or broken (`mrd.study.study.resolve_all`).
    """
    if isinstance(study, ResolvedStudy):
        return study
    return ResolvedStudy(study, tuple(resolve_all(study)))

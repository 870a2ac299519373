"""One run of a study: its names, and the scenes, model and search that belong to it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrd.study.cache_key import CacheKey
from mrd.study.criterion_section import CLASS_PROBABILITY, ScoringRule
from mrd.study.model_section import ModelConfig
from mrd.study.search_section import BESIDE_THE_SEARCH, MARGIN, SearchConfig
from mrd.study.series import ResolvedSeries
from scenes.scene import Scene

# Settings of a search that do not change the resulting scene, in the form of pydantic's `exclude`:
# among them the interval of saved states, and the limits of a verdict.
_BESIDE_THE_RESULT: dict[str, Any] = {
    **dict.fromkeys(BESIDE_THE_SEARCH, True),
    "save_every": True,
    "criterion": {"floor": True, "class_probability": True},
}


@dataclass(frozen=True)
class RunSpec:
    """The names of one run: a cell of the study's grid."""

    target: str
    model: str
    search: str
    seed: int
    is_pixel_search: bool = False

    @property
    def family(self) -> str:
        """Name of the family, a target with one search; all runs of a family share its images."""
        return f"{self.target}-{self.search}"

    @property
    def label(self) -> str:
        """Readable part of the run's name."""
        model = "pixel" if self.is_pixel_search else self.model
        return f"{self.target}-{model}-{self.search}-s{self.seed}"


@dataclass(frozen=True)
class ResolvedRun:
    """A run with all of its files read.

    Parameters
    ----------
    spec
        Names of the run and of what belongs to it.
    target, start
        The scenes, loaded. They differ in the searched attributes alone.
    model
        The model, its weights file as an absolute path.
    search
        The search.
    key
        All inputs of the run as JSON, with hashes in place of files. Its hash ends the run's name.
    series
        The series of images that the run needs, or None. It is no part of the record.
    """

    spec: RunSpec
    target: Scene
    start: Scene
    model: ModelConfig
    search: SearchConfig
    key: CacheKey
    series: ResolvedSeries | None = None

    @property
    def record(self) -> dict[str, Any]:
        """Inputs of the run, as written to `run.json`."""
        return self.key.content

    @property
    def name(self) -> str:
        """Name of the run's folder: its label, and 8 digits of the key's hash."""
        return f"{self.spec.label}-{self.key.digest[:8]}"

    def generator(self, purpose: str) -> np.random.Generator:
        """Return a random generator for one purpose, seeded by the run's seeds and name."""
        name = hashlib.sha256(f"{self.name}/{purpose}".encode()).digest()
        seeds = self.record["seeds"]
        return np.random.default_rng([seeds["study"], seeds["run"], *name[:8]])

    def changed_rule(self, judgement: Mapping[str, Any]) -> list[str]:
        """Return the keys in which the content of a `criterion.json` was scored differently."""
        scored = ScoringRule.read(judgement.get("training", {}))
        return self.search.criterion.rule.changes(scored)

    @property
    def starts(self) -> dict[str, Any]:
        """Searched attribute → its start, loaded."""
        return {name: getattr(self.start, name) for name in self.search.attributes}


def search_record(search: SearchConfig) -> dict[str, Any]:
    """Return the settings of a search that determine its result, as JSON."""
    excluded = dict(_BESIDE_THE_RESULT)
    if search.label is None:
        excluded["label"] = True
    if search.soft_start == 0:  # earlier hashes lack this key
        excluded["soft_start"] = True
    for name in ("object", "lamp"):
        if getattr(search, name) is None:
            excluded[name] = True
    if search.lamp is None:
        excluded["lamp_parameters"] = True
    if search.margin == MARGIN:  # the same
        excluded["margin"] = True
    if search.mode == "diverge":  # the verdict limits how far it moves
        del excluded["criterion"]
        if search.criterion.class_probability == CLASS_PROBABILITY:
            excluded["criterion"] = {"class_probability": True}
    return search.model_dump(mode="json", exclude=excluded)

"""One run of a study: its names, and the scenes, model and search that belong to it."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from mrd.study.cache_key import CacheKey
from mrd.study.model_section import ModelConfig
from mrd.study.search_section import BESIDE_THE_SEARCH, SearchConfig
from mrd.study.series import ResolvedSeries
from scenes.scene import Scene

# Settings of a search that do not change its result: also how often it is saved, and the match
# from which the result is called a metamer.
_BESIDE_THE_RESULT: dict[str, Any] = {
    **dict.fromkeys(BESIDE_THE_SEARCH, True),
    "save_every": True,
    "criterion": {"floor": True},
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
        """Name of the images that runs share: the target as the search represents it."""
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
        Its names.
    target, start
        The scenes, loaded. The start is the target with other searched attributes.
    model
        The model, its weights file as an absolute path.
    search
        The search.
    key
        The same as JSON, with hashes in place of files. Its hash ends the run's name.
    series
        The images that are made of the run, or None. They are no part of the record.
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
        """Content of the key, as `run.json` holds it."""
        return self.key.content

    @property
    def name(self) -> str:
        """Name of the run's folder: its label, and 8 digits of the key's hash."""
        return f"{self.spec.label}-{self.key.digest[:8]}"

    def generator(self, purpose: str) -> np.random.Generator:
        """Return random numbers for one purpose, from the recorded seeds and the run's name."""
        name = hashlib.sha256(f"{self.name}/{purpose}".encode()).digest()
        seeds = self.record["seeds"]
        return np.random.default_rng([seeds["study"], seeds["run"], *name[:8]])

    def has_floor_of(self, judgement: Mapping[str, Any]) -> bool:
        """Return whether a `criterion.json` was scored with the study's `criterion.floor`."""
        training = judgement.get("training", {})
        return bool(training.get("floor") == self.search.criterion.floor)

    @property
    def starts(self) -> dict[str, Any]:
        """Start of every searched attribute, loaded."""
        return {name: getattr(self.start, name) for name in self.search.attributes}


def search_record(search: SearchConfig) -> dict[str, Any]:
    """Return the settings of a search that its result depends on, as JSON."""
    beside = dict(_BESIDE_THE_RESULT)
    if search.label is None:
        beside["label"] = True
    if search.mode == "diverge":  # it searches as far as the floor allows
        del beside["criterion"]
    return search.model_dump(mode="json", exclude=beside)

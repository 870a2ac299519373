"""Results of single families, cached beside a set until all results of a model are in the set.

Each family has its own file, named by a hash of its inputs, so that an interrupted embedding can
resume and several processes can embed in one set.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from mrd.measures.embed_family import FamilyResults
from mrd.study.cache_key import CacheKey
from mrd.study.checkpoint import DamagedStateError, SearchState, read_state, write_state
from stimuli.model_results import FamilyDistances


class EmbedCache:
    """Cached results of the set at a path."""

    def __init__(self, path: Path) -> None:
        self._folder = path.with_name(f".{path.name}.embedding")
        self._used: list[Path] = []

    def read(self, key: CacheKey, layers: Sequence[str]) -> FamilyResults | None:
        """Return the cached results of these layers; None if they are missing or damaged."""
        file = self._file(key)
        self._used.append(file)
        if not file.exists():
            return None
        with suppress(DamagedStateError):
            state = read_state(file)
            arrays = state.arrays
            distances = {
                layer: FamilyDistances(arrays[f"{layer}/between"], arrays[f"{layer}/nulls"])
                for layer in layers
            }
            return FamilyResults(distances, list(state.header["verdicts"]))
        return None

    def write(self, key: CacheKey, results: FamilyResults) -> None:
        """Write the results of a family to the cache."""
        arrays = {}
        for layer, distances in results.layers.items():
            arrays[f"{layer}/between"] = distances.between
            arrays[f"{layer}/nulls"] = distances.nulls
        write_state(SearchState(0, arrays, {"verdicts": results.verdicts}), self._file(key))

    def remove(self) -> None:
        """Remove the files that this object has looked for; those of other processes stay."""
        for file in self._used:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # files of other processes are in it
            self._folder.rmdir()

    def _file(self, key: CacheKey) -> Path:
        return self._folder / f"{key.digest[:16]}.npz"

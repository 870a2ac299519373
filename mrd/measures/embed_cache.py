"""Families that a model has seen already: kept beside the set until their results are in it.

So an embedding that was stopped goes on. Each has a file of its own, whose name hashes all that its
results hang on; several processes may embed in one set.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mrd.measures.embed_family import FamilyResults
from mrd.study.checkpoint import DamagedStateError, SearchState, read_state, write_state
from stimuli.model_results import FamilyDistances


class KeptFamilies:
    """Results that wait for their set.

    Parameters
    ----------
    path
        The set.
    """

    def __init__(self, path: Path) -> None:
        self._folder = path.with_name(f".{path.name}.embedding")
        self._used: list[Path] = []

    def get(
        self,
        content: Mapping[str, Any],
        layers: Sequence[str],
        make: Callable[[], FamilyResults],
    ) -> FamilyResults:
        """Give what is kept, or make and keep it.

        Parameters
        ----------
        content
            All that the results hang on: plain data.
        layers
            That the model was read at.
        make
            Makes them.
        """
        text = json.dumps(content, sort_keys=True)
        file = self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
        self._used.append(file)
        if file.exists():
            with suppress(DamagedStateError):
                return _unpacked(read_state(file), layers)
        found = make()
        write_state(_packed(found), file)
        return found

    def remove(self) -> None:
        """Remove what was got here; what other processes keep stays."""
        for file in self._used:
            file.unlink(missing_ok=True)
        with suppress(OSError):  # theirs is in it
            self._folder.rmdir()


def _packed(found: FamilyResults) -> SearchState:
    arrays = {}
    for layer, distances in found.layers.items():
        arrays[f"{layer}/between"], arrays[f"{layer}/nulls"] = distances.between, distances.nulls
    return SearchState(0, arrays, {"verdicts": found.verdicts})


def _unpacked(state: SearchState, layers: Sequence[str]) -> FamilyResults:
    kept = {
        layer: FamilyDistances(state.arrays[f"{layer}/between"], state.arrays[f"{layer}/nulls"])
        for layer in layers
    }
    return FamilyResults(kept, list(state.header["verdicts"]))

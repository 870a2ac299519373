"""What models make of a finished set: distances between its images, and the criterion again.

Models see the stored images, as people do. A family is embedded at a time, and kept beside the
set until all are, so that what was stopped goes on; then a new file replaces the set in one step.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mrd.config.model import ModelConfig
from mrd.disk import plain
from mrd.family_embedding import FamilyResults, embed_family
from mrd.models import registry
from mrd.models.base import Model
from mrd.state import DamagedStateError, State, read_state, write_state
from scenes.errors import InputError
from stimuli.model_results import (
    FamilyDistances,
    ModelResults,
    images_sha256,
    nulls,
)
from stimuli.seal import check_seal
from stimuli.stimulus_set import StimulusSet
from stimuli.writing import replace_results

VERSION = 1  # raise when distances or verdicts would come out differently

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Request:
    """A model to embed, under the name that the set calls it."""

    name: str
    config: ModelConfig


def fastest_device() -> str:
    """Device of torch tensors: a GPU where there is one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@torch.no_grad()
def embed(
    path: Path,
    requests: Sequence[Request],
    floors: Mapping[str, float],
    folder: Path,
    device: str,
    progress: Progress = lambda *_: None,
) -> list[str]:
    """Embed models in a set; those whose results are there already are left alone.

    Layers that a set holds of a model are kept when others of the same model are added.

    Parameters
    ----------
    path
        The set.
    requests
        The models.
    floors
        Search → least match of a metamer.
    folder
        What relative paths of weights are relative to.
    device
        Of torch tensors.
    progress
        Told (model and family, images done, of how many).

    Returns
    -------
    list of str
        Names of the models that were embedded.

    Raises
    ------
    InputError
        The set was altered, a model does not exist or cannot see images of this size, or the
        file cannot be written.
    """
    check_seal(path)
    models = {each.name: registry.create(each.config, device, folder) for each in requests}
    partial = path.with_name(f".{path.name}.embedding")
    made: dict[str, ModelResults] = {}
    with StimulusSet(path) as stimuli:
        families = list(stimuli.table["family"].unique())
        for name, model in models.items():
            earlier = _earlier(stimuli, name, model)
            if earlier and _is_there(stimuli, earlier, model, families):
                continue
            found = {
                family: _kept(stimuli, family, name, model, floors, device, partial, progress)
                for family in families
            }
            made[name] = _results(model, found, earlier)
    if made:
        replace_results(path, made)
    shutil.rmtree(partial, ignore_errors=True)
    return list(made)


def identity(model: Model) -> dict[str, Any]:
    """What a model is, whichever of its layers are read: plain data."""
    record: dict[str, Any] = plain(model.record())
    record.pop("layers", None)
    return record


def _earlier(stimuli: StimulusSet, name: str, model: Model) -> ModelResults | None:
    """Results that the set holds of this very model."""
    if name not in stimuli.models:
        return None
    found = stimuli.results(name)
    return found if found.record == identity(model) else None


def _is_there(
    stimuli: StimulusSet, earlier: ModelResults, model: Model, families: Sequence[str]
) -> bool:
    """Whether the set holds all layers of a model for all families, and verdicts over them."""
    layers = ";".join(model.layers)
    return all(
        all(family in earlier.layers.get(layer, {}) for layer in model.layers)
        and _are_judged(stimuli, earlier, family, layers)
        for family in families
    )


def _are_judged(stimuli: StimulusSet, earlier: ModelResults, family: str, layers: str) -> bool:
    """Whether a family's verdicts over these layers are there, or there can be none."""
    rows = earlier.verdicts.get(family, [])
    return nulls(stimuli.table, family).empty or any(row["layers"] == layers for row in rows)


def _results(
    model: Model, found: Mapping[str, FamilyResults], earlier: ModelResults | None
) -> ModelResults:
    """New results, with those of the model's other layers that are there already."""
    layers = {} if earlier is None else {name: dict(old) for name, old in earlier.layers.items()}
    for layer in model.layers:
        layers[layer] = {family: each.layers[layer] for family, each in found.items()}
    judged = ";".join(model.layers)
    verdicts = {}
    for family, each in found.items():
        others = [] if earlier is None else earlier.verdicts.get(family, [])
        verdicts[family] = [
            *(row for row in others if row["layers"] != judged),
            *each.verdicts,
        ]
    return ModelResults(identity(model), layers, verdicts)


def _kept(
    stimuli: StimulusSet,
    family: str,
    name: str,
    model: Model,
    floors: Mapping[str, float],
    device: str,
    partial: Path,
    progress: Progress,
) -> FamilyResults:
    """A family's results: read, if an earlier call was stopped after them, or made and kept."""
    search = str(stimuli.table.loc[stimuli.table["family"] == family, "search"].iloc[0])
    if search not in floors:
        raise InputError(
            f"{stimuli.path}: search '{search}' is not in the study; without it, the least match "
            "of a metamer is not known"
        )
    content = {
        "version": VERSION,
        "images": images_sha256(stimuli.table, family),
        "model": plain(model.record()),
        "floor": floors[search],
    }
    text = json.dumps(content, sort_keys=True)
    file = partial / f"{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
    if file.exists():
        with suppress(DamagedStateError):
            return _unpacked(read_state(file), model.layers)
    found = embed_family(
        stimuli,
        family,
        model,
        floors[search],
        device,
        lambda done, total: progress(f"{name}, {family}", done, total),
    )
    write_state(_packed(found), file)
    return found


def _packed(found: FamilyResults) -> State:
    arrays = {}
    for layer, distances in found.layers.items():
        arrays[f"{layer}/between"], arrays[f"{layer}/nulls"] = distances.between, distances.nulls
    return State(0, arrays, {"verdicts": found.verdicts})


def _unpacked(state: State, layers: Sequence[str]) -> FamilyResults:
    kept = {
        layer: FamilyDistances(state.arrays[f"{layer}/between"], state.arrays[f"{layer}/nulls"])
        for layer in layers
    }
    return FamilyResults(kept, list(state.header["verdicts"]))

"""What models make of a finished set: distances between its images, and the criterion again.

Models see the stored images, as people do. A family is embedded at a time, and kept beside the
set until all are, so that what was stopped goes on; then a new file replaces the set in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch

from mrd.measures.embed_cache import KeptFamilies
from mrd.measures.embed_family import FamilyResults, embed_family
from mrd.models import registry
from mrd.models.base import Model
from mrd.study.model_section import ModelConfig
from mrd.study.resolved_model import resolved_model, seen_by
from mrd.study.storage import plain
from scenes.base.errors import InputError
from stimuli.model_results import ModelResults, images_sha256, nulls
from stimuli.seal import check_seal
from stimuli.stimulus_set import StimulusSet
from stimuli.writing import add_results

VERSION = 2  # raise when distances or verdicts would come out differently

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
        The set. Several processes may embed in it at once; if another set takes its place
        meanwhile, that one is left alone.
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
        The set was altered or replaced, a model does not exist or cannot see images of this size,
        or the file cannot be written.
    """
    check_seal(path)
    models = {each.name: registry.create(each.config, device, folder) for each in requests}
    asked = {each.name: _asked(each, folder) for each in requests}
    kept = KeptFamilies(path)
    made: dict[str, ModelResults] = {}
    with StimulusSet(path) as stimuli:
        expected, of_family = stimuli.content_hash, _floors(stimuli, floors)
        for name, model in models.items():
            record = identity(model, asked[name])
            if _is_there(stimuli, name, model, record, of_family):
                continue
            found = {
                family: kept.get(
                    _inputs(stimuli, family, model, floor),
                    model.layers,
                    partial(_embedded, stimuli, family, name, model, floor, device, progress),
                )
                for family, floor in of_family.items()
            }
            made[name] = _results(model, record, found)
    if made:
        add_results(path, made, expected)
    kept.remove()
    return list(made)


def identity(model: Model, asked: Mapping[str, Any]) -> dict[str, Any]:
    """What a model is, and how it was embedded, whichever of its layers are read: plain data.

    ``asked`` is what the study says of it: who compares that needs no network
    (`mrd.workflow.step_reasons`).
    """
    record: dict[str, Any] = plain(model.record())
    record.pop("layers", None)
    return record | {"asked": plain(asked), "embedding_version": VERSION}


def _asked(request: Request, folder: Path) -> dict[str, Any]:
    """What a request asks for, but for its layers; files by their SHA-256."""
    return seen_by(resolved_model(request.config, folder, f"models.{request.name}")[1])


def _inputs(stimuli: StimulusSet, family: str, model: Model, floor: float) -> dict[str, Any]:
    """All that a family's results hang on."""
    return {
        "version": VERSION,
        "images": images_sha256(stimuli.table, family),
        "model": plain(model.record()),
        "floor": floor,
    }


def _embedded(
    stimuli: StimulusSet,
    family: str,
    name: str,
    model: Model,
    floor: float,
    device: str,
    progress: Progress,
) -> FamilyResults:
    return embed_family(
        stimuli,
        family,
        model,
        floor,
        device,
        lambda done, total: progress(f"{name}, {family}", done, total),
    )


def _is_there(
    stimuli: StimulusSet,
    name: str,
    model: Model,
    record: Mapping[str, Any],
    floors: Mapping[str, float],
) -> bool:
    """Whether the set holds all layers of this very model for all families, and verdicts."""
    if name not in stimuli.models:
        return False
    earlier = stimuli.results(name)
    return earlier.record == record and all(
        all(family in earlier.layers.get(layer, {}) for layer in model.layers)
        and _are_judged(stimuli, earlier, family, ";".join(model.layers), floor)
        for family, floor in floors.items()
    )


def _are_judged(
    stimuli: StimulusSet, earlier: ModelResults, family: str, layers: str, floor: float
) -> bool:
    """Whether a family's verdicts over these layers are there, or there can be none."""
    rows = earlier.verdicts.get(family, [])
    return nulls(stimuli.table, family).empty or any(
        row["layers"] == layers and row["floor"] == floor for row in rows
    )


def _results(
    model: Model, record: Mapping[str, Any], found: Mapping[str, FamilyResults]
) -> ModelResults:
    layers = {
        layer: {family: each.layers[layer] for family, each in found.items()}
        for layer in model.layers
    }
    verdicts = {family: each.verdicts for family, each in found.items()}
    return ModelResults(record, layers, verdicts)


def _floors(stimuli: StimulusSet, floors: Mapping[str, float]) -> dict[str, float]:
    """Least match of a metamer for each family of a set."""
    firsts = stimuli.table.drop_duplicates("family")
    of_family = dict(zip(firsts["family"].astype(str), firsts["search"].astype(str), strict=True))
    for search in of_family.values():
        if search not in floors:
            raise InputError(
                f"{stimuli.path}: search '{search}' is not in the study; without it, the least "
                "match of a metamer is not known"
            )
    return {family: floors[search] for family, search in of_family.items()}

"""Embed models in a finished set: distances between its images, and verdicts on them.

Models receive the stored images that people see. Families (all images of a target with one search)
are embedded one at a time and cached beside the set, so that an interrupted embedding resumes; then
the set is replaced in one step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from mrd.measures.embed_cache import EmbedCache
from mrd.measures.embed_family import FamilyResults, embed_family
from mrd.models import registry
from mrd.models.base import Model
from mrd.study.cache_key import CacheKey
from mrd.study.criterion_section import ScoringRule
from mrd.study.model_section import ModelConfig
from mrd.study.resolved_model import resolved_model, seen_by
from mrd.study.storage import plain
from scenes.base.errors import InputError
from stimuli.model_results import ModelResults, images_sha256, nulls
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal
from stimuli.writing import add_results

VERSION = 2  # raise when distances or verdicts of the same inputs change

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class ModelToEmbed:
    """A model to embed, and its name in the set."""

    name: str
    config: ModelConfig


def fastest_device() -> str:
    """Return the torch device for networks: "cuda" if there is a GPU, else "cpu"."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@torch.no_grad()
def embed(
    path: Path,
    models: Sequence[ModelToEmbed],
    floors: Mapping[str, float | ScoringRule],
    folder: Path,
    device: str,
    progress: Progress = lambda *_: None,
) -> list[str]:
    """Embed models in a set, except those whose results it contains already.

    If other layers of a model are added, the results of its earlier layers stay in the set.

    Parameters
    ----------
    path
        The set. Several processes may embed in it at once. If the file is replaced by another set
        meanwhile, that set is not changed.
    models
        The models.
    floors
        By search: the least match of a metamer, or a `mrd.study.criterion_section.ScoringRule`
        to set the least mean probability of the target's class too (default: that of a new study).
    folder
        Folder that relative paths of weights start from.
    device
        Torch device, such as "cpu" or "cuda".
    progress
        Called with (model and family, number of embedded images, number of images).

    Returns
    -------
    list of str
        Names of the models that were embedded.

    Raises
    ------
    InputError
        The set was altered or replaced, a model does not exist or does not accept images of this
        size, or the file cannot be written.
    """
    check_seal(path)
    created = {each.name: registry.create(each.config, device, folder) for each in models}
    settings = {each.name: _settings(each, folder) for each in models}
    cache = EmbedCache(path)
    embedded: dict[str, ModelResults] = {}
    with StimulusSet(path) as stimuli:
        expected = stimuli.content_hash
        rules = _family_rules(stimuli, floors)
        for name, model in created.items():
            record = identity(model, settings[name])
            if _is_up_to_date(stimuli, name, model, record, rules):
                continue
            by_family: dict[str, FamilyResults] = {}
            for family, rule in rules.items():
                images = images_sha256(stimuli.table, family)
                inputs = {"images": images, "model": model.record(), **rule._asdict()}
                key = CacheKey(inputs, VERSION)
                if (cached := cache.read(key, model.layers)) is None:

                    def of_family(done: int, total: int, what: str = f"{name}, {family}") -> None:
                        progress(what, done, total)

                    cached = embed_family(stimuli, family, model, rule, device, of_family)
                    cache.write(key, cached)
                by_family[family] = cached
            embedded[name] = _results(model, record, by_family)
    if embedded:
        add_results(path, embedded, expected)
    cache.remove()
    return list(embedded)


def identity(model: Model, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record that identifies a model and its embedding, without layers, as plain data.

    ``asked`` contains the settings of the study; they can be compared without the network
    (`mrd.workflow.step_reasons`).
    """
    record: dict[str, Any] = plain(model.record())
    record.pop("layers", None)
    return record | {"asked": plain(settings), "embedding_version": VERSION}


def _settings(model: ModelToEmbed, folder: Path) -> dict[str, Any]:
    """Return the settings of a model without its layers, and with the SHA-256 of each file."""
    return seen_by(resolved_model(model.config, folder, f"models.{model.name}")[1])


def _is_up_to_date(
    stimuli: StimulusSet,
    name: str,
    model: Model,
    record: Mapping[str, Any],
    rules: Mapping[str, ScoringRule],
) -> bool:
    """Return whether the set contains distances and verdicts of all layers of this model."""
    if name not in stimuli.models:
        return False
    earlier, layers = stimuli.results(name), ";".join(model.layers)
    return earlier.record == record and all(
        all(family in earlier.layers.get(layer, {}) for layer in model.layers)
        and (
            nulls(stimuli.table, family).empty  # then there are no verdicts
            or any(
                row["layers"] == layers and ScoringRule.read(row) == rule
                for row in earlier.verdicts.get(family, [])
            )
        )
        for family, rule in rules.items()
    )


def _results(
    model: Model, record: Mapping[str, Any], by_family: Mapping[str, FamilyResults]
) -> ModelResults:
    """Return the results of a model, by layer and family."""
    layers = {
        layer: {family: each.layers[layer] for family, each in by_family.items()}
        for layer in model.layers
    }
    verdicts = {family: each.verdicts for family, each in by_family.items()}
    return ModelResults(record, layers, verdicts)


def _family_rules(
    stimuli: StimulusSet, floors: Mapping[str, float | ScoringRule]
) -> dict[str, ScoringRule]:
    """Return the limits of a metamer for each family of a set."""
    firsts = stimuli.table.drop_duplicates("family")
    search_of = dict(zip(firsts["family"].astype(str), firsts["search"].astype(str), strict=True))
    for search in search_of.values():
        if search not in floors:
            raise InputError(
                f"{stimuli.path}: search '{search}' is not in the study; without it, the least "
                "match of a metamer is not known"
            )
    limits = {family: floors[search] for family, search in search_of.items()}
    return {
        family: each if isinstance(each, ScoringRule) else ScoringRule(each)
        for family, each in limits.items()
    }

"""Merge several sets into one, unless they contradict each other."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scenes.aov_kinds import Kind
from scenes.base.errors import InputError
from stimuli import schema
from stimuli.aovs import kinds_in
from stimuli.findings import KINDS, Findings, Record, content_hash
from stimuli.model_results import ModelResults, updated
from stimuli.packed_scene import PackedScene
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal
from stimuli.writing import write_set

SAME = 1e-4  # two machines compute distances that differ by less than this
SCENE_COLUMNS = ("layers", "run", "role", "level_index", "light", "camera")  # of verdicts
VERDICT_COLUMNS = ("floor", "metamer", "passed")


def merge(paths: Sequence[Path], out: Path) -> str:
    """Merge sets into one.

    A family that is in several sets must be the same in all of them, and is stored once. So are
    the results of models, which must agree for a family that is in several sets.

    Parameters
    ----------
    paths
        Two or more sets.
    out
        The file to write; it may be one of the sets.

    Returns
    -------
    str
        Content hash of the new set.

    Raises
    ------
    InputError
        A set is damaged, or two contradict each other: their images differ in size or type; an
        id, family or model name means different things; or results, pixel metamers, reaches,
        warnings or predicted thresholds of the same thing differ.
    """
    if len(paths) < 2:
        raise InputError("merge needs two sets or more")
    for path in paths:
        check_seal(path)
    with ExitStack() as stack:
        sets = [stack.enter_context(StimulusSet(path)) for path in paths]
        _check_images(sets)
        taken = _taken(sets)
        table = pd.concat([rows for _, rows in taken], ignore_index=True)
        repeated = table[schema.KEY][table[schema.KEY].duplicated()]
        if len(repeated):
            raise InputError(
                f"{paths[-1]}: stimuli/{schema.KEY}: '{repeated.iloc[0]}' names different stimuli "
                "of two families"
            )
        return write_set(
            out,
            table,
            (one.file[schema.IMAGES][row] for one, rows in taken for row in rows.index),
            _scenes(taken),
            radiance=(one.file[schema.RADIANCE][row] for one, rows in taken for row in rows.index)
            if schema.RADIANCE in sets[0].file
            else None,
            aovs={kind: _aovs(taken, kind) for kind in kinds_in(sets[0])},
            provenance={
                "merged": [
                    {"content_hash": one.content_hash, "provenance": one.provenance} for one in sets
                ]
            },
            models=_models(sets),
            pixel_metamers=_pixel_metamers(sets),
            findings=_findings(sets),
        )


def _check_images(sets: Sequence[StimulusSet]) -> None:
    """Raise InputError if the sets' images differ in size or type."""
    first = sets[0]
    for other in sets[1:]:
        for name in (
            schema.IMAGES,
            schema.RADIANCE,
            *(f"{schema.AOVS}/{kind}" for kind in schema.AOV_DTYPES),
        ):
            kinds = [_kind(one, name) for one in (first, other)]
            if kinds[0] != kinds[1]:
                raise InputError(
                    f"{other.path}: {name}: {kinds[1]}, and {first.path} has {kinds[0]}; sets that "
                    "are merged hold images of one size and type"
                )


def _kind(one: StimulusSet, name: str) -> str:
    """Return size and type of a set's images, radiance or an AOV in words."""
    if name not in one.file:
        return "none"
    return f"{one.file[name].shape[1:]} {one.file[name].dtype}"


def _taken(sets: Sequence[StimulusSet]) -> list[tuple[StimulusSet, pd.DataFrame]]:
    """Return every family once: the set that it is read from, and its rows in that set's table."""
    seen: dict[str, tuple[StimulusSet, pd.DataFrame]] = {}
    for one in sets:
        for name, rows in one.table.groupby("family", sort=False):
            family = str(name)
            if family not in seen:
                seen[family] = (one, rows)
                continue
            other, earlier = seen[family]
            if not rows.reset_index(drop=True).equals(earlier.reset_index(drop=True)):
                raise InputError(
                    f"{one.path}: stimuli/family: '{family}' differs from that in {other.path}; "
                    "mrd stimuli diff lists the differences"
                )
    return list(seen.values())


def _aovs(taken: Sequence[tuple[StimulusSet, pd.DataFrame]], kind: Kind) -> Iterator[Any]:
    """Yield the AOVs of the families that are stored."""
    for one, rows in taken:
        dataset = one.file[schema.AOVS][kind]
        yield from (dataset[row] for row in rows.index)


def _scenes(taken: Sequence[tuple[StimulusSet, pd.DataFrame]]) -> Iterator[PackedScene]:
    """Yield the scenes of the families that are stored."""
    for one, rows in taken:
        for sha256 in rows["scene"].unique():
            yield one.packed_scene(sha256)


def _models(sets: Sequence[StimulusSet]) -> dict[str, ModelResults]:
    """Join the results of all models; raise InputError if two sets contradict each other."""
    joined: dict[str, ModelResults] = {}
    for one in sets:
        for name in one.models:
            own = one.results(name)
            if name not in joined:
                joined[name] = own
                continue
            if joined[name].record != own.record:
                raise InputError(
                    f"{one.path}: models/{name}: is a different model than in an earlier set; "
                    "embed one of them under another name"
                )
            for part in _contradictions(joined[name], own):
                raise InputError(
                    f"{one.path}: models/{name}/{part}: differs from an earlier set for the same "
                    "images; find out which is right, and run mrd embed on the other set again"
                )
            joined[name] = updated(own, joined[name])
    return joined


def _pixel_metamers(sets: Sequence[StimulusSet]) -> list[PixelMetamer]:
    """Join the pixel metamers of all runs; raise InputError if two sets differ for one run."""
    joined: dict[str, PixelMetamer] = {}
    for one in sets:
        for run, own in read_pixel_metamers(one).items():
            if joined.setdefault(run, own).content_hash != own.content_hash:
                raise InputError(
                    f"{one.path}: {schema.PIXEL_METAMERS}/{run}: differs from an earlier set; find "
                    "out which is right, and run mrd pixel-metamers in the other study"
                )
    return list(joined.values())


def _findings(sets: Sequence[StimulusSet]) -> Findings:
    """Join the findings of all sets; raise InputError if two sets differ in one of them."""
    joined: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
    for one in sets:
        for kind, records in one.findings._asdict().items():
            for name, record in records.items():
                if content_hash(joined[kind].setdefault(name, record)) != content_hash(record):
                    raise InputError(
                        f"{one.path}: {kind}/{name}: differs from an earlier set; find out which "
                        "is right, and build the other set again"
                    )
    return Findings(**joined)


def _contradictions(one: ModelResults, other: ModelResults) -> Iterator[str]:
    """Yield the parts of a model's results that differ between two sets for a common family."""
    for layer in one.layers.keys() & other.layers.keys():
        here, there = one.layers[layer], other.layers[layer]
        for family in here.keys() & there.keys():
            for kind, left, right in (
                (schema.DISTANCES, here[family].between, there[family].between),
                (schema.NULLS, here[family].nulls, there[family].nulls),
            ):
                if not np.allclose(left, right, rtol=0, atol=SAME, equal_nan=True):
                    yield f"{layer}/{kind}/{family}"
    for family in one.verdicts.keys() & other.verdicts.keys():
        left_verdicts, right_verdicts = (
            {
                tuple(row.get(key) for key in SCENE_COLUMNS): [row.get(k) for k in VERDICT_COLUMNS]
                for row in each.verdicts[family]
            }
            for each in (one, other)
        )
        common = left_verdicts.keys() & right_verdicts.keys()
        if any(left_verdicts[scene] != right_verdicts[scene] for scene in common):
            yield f"{schema.VERDICTS}/{family}"

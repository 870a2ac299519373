"""Several sets made into one, unless they contradict each other."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from scenes.base.errors import InputError
from stimuli import schema
from stimuli.findings import KINDS, Findings, Record, content_hash
from stimuli.model_results import ModelResults, Row, updated
from stimuli.packed_scene import PackedScene
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers
from stimuli.seal import check_seal
from stimuli.stimulus_set import StimulusSet
from stimuli.writing import write_set

SAME = 1e-4  # distances of one model and image differ by less between two machines
JUDGED = ("layers", "run", "role", "level_index", "light", "camera")
VERDICT = ("floor", "metamer", "passed")


def merge(paths: Sequence[Path], out: Path) -> str:
    """Merge sets.

    A family that occurs in several has to be the same in all of them, and is taken once. Results
    of models are kept for the families that they were made for; those of a family that several sets
    hold have to agree.

    Parameters
    ----------
    paths
        Two or more sets, whole and unaltered.
    out
        The file to write; it may be one of them.

    Returns
    -------
    str
        Content hash of the new set.

    Raises
    ------
    InputError
        A set is damaged, or two contradict each other: images of another size or type, one id or
        family for different things, one name for different models, or different results of one, or
        different pixel metamers, reaches or predicted thresholds of one thing.
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
    first = sets[0]
    for other in sets[1:]:
        for name in (schema.IMAGES, schema.RADIANCE):
            kinds = [_kind(one, name) for one in (first, other)]
            if kinds[0] != kinds[1]:
                raise InputError(
                    f"{other.path}: {name}: {kinds[1]}, and {first.path} has {kinds[0]}; sets that "
                    "are merged hold images of one size and type"
                )


def _kind(one: StimulusSet, name: str) -> str:
    if name not in one.file:
        return "none"
    return f"{one.file[name].shape[1:]} {one.file[name].dtype}"


def _taken(sets: Sequence[StimulusSet]) -> list[tuple[StimulusSet, pd.DataFrame]]:
    """Every family with the set that it is read from; row numbers are that set's."""
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
                    f"{one.path}: stimuli/family: '{family}' is another in {other.path}; mrd "
                    "stimuli diff tells how they differ"
                )
    return list(seen.values())


def _scenes(taken: Sequence[tuple[StimulusSet, pd.DataFrame]]) -> Iterator[PackedScene]:
    for one, rows in taken:
        for sha256 in rows["scene"].unique():
            yield one.packed_scene(sha256)


def _models(sets: Sequence[StimulusSet]) -> dict[str, ModelResults]:
    """Results of all models; families that two sets share have the same ones."""
    joined: dict[str, ModelResults] = {}
    for one in sets:
        for name in one.models:
            here = one.results(name)
            if name not in joined:
                joined[name] = here
                continue
            if joined[name].record != here.record:
                raise InputError(
                    f"{one.path}: models/{name}: is another model than in an earlier set; embed "
                    "one of them under another name"
                )
            for part in _contradictions(joined[name], here):
                raise InputError(
                    f"{one.path}: models/{name}/{part}: is not what an earlier set says of the "
                    "same images; find out which is right, and mrd embed the other set anew"
                )
            joined[name] = updated(here, joined[name])
    return joined


def _pixel_metamers(sets: Sequence[StimulusSet]) -> list[PixelMetamer]:
    """Pixel metamers of all runs; of a run that two sets hold, both have the same."""
    joined: dict[str, PixelMetamer] = {}
    for one in sets:
        for run, here in read_pixel_metamers(one).items():
            if joined.setdefault(run, here).content_hash != here.content_hash:
                raise InputError(
                    f"{one.path}: {schema.PIXEL_METAMERS}/{run}: is another than in an earlier "
                    "set; find out which is right, and run mrd pixel-metamers in the other study"
                )
    return list(joined.values())


def _findings(sets: Sequence[StimulusSet]) -> Findings:
    """Predicted thresholds and reaches of all sets; what two sets hold is the same in both."""
    joined: dict[str, dict[str, Record]] = {kind: {} for kind in KINDS}
    for one in sets:
        for kind, records in one.findings._asdict().items():
            for name, here in records.items():
                if content_hash(joined[kind].setdefault(name, here)) != content_hash(here):
                    raise InputError(
                        f"{one.path}: {kind}/{name}: is another than in an earlier set; find out "
                        "which is right, and build the other set again"
                    )
    return Findings(**joined)


def _contradictions(one: ModelResults, other: ModelResults) -> Iterator[str]:
    """Name what two sets hold of one model and family, and do not agree on."""
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
        said, also = _said(one.verdicts[family]), _said(other.verdicts[family])
        if any(said[judged] != also[judged] for judged in said.keys() & also.keys()):
            yield f"{schema.VERDICTS}/{family}"


def _said(verdicts: Sequence[Row]) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """What was judged, and what was said of it."""
    return {
        tuple(row.get(key) for key in JUDGED): tuple(row.get(key) for key in VERDICT)
        for row in verdicts
    }

"""List the differences between two sets."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from stimuli import schema
from stimuli.aovs import aov_hashes
from stimuli.pixel_metamers import read_pixel_metamers
from stimuli.stimulus_set import StimulusSet

FEW = 3  # names that are listed if there are many


def differences(one: StimulusSet, other: StimulusSet) -> list[str]:
    """List the differences between two sets: one line for each; empty if the sets are equal.

    Parameters
    ----------
    one, other
        The sets.
    """
    return [
        *_stimulus_differences(one, other),
        *_model_differences(one, other),
        *_pixel_metamer_differences(one, other),
        *_finding_differences(one, other),
        *_hash_differences(one, other, aov_hashes(one), aov_hashes(other)),
    ]


def _stimulus_differences(one: StimulusSet, other: StimulusSet) -> Iterator[str]:
    """List stimuli that only one set has, and columns that differ for common ones."""
    left, right = (each.table.set_index(schema.KEY) for each in (one, other))
    for here, there, name in ((left, right, one.path), (right, left, other.path)):
        only = here.index.difference(there.index, sort=False)
        if len(only):
            yield f"{schema.KEY}: {len(only)} only in {name}: {_few(only)}"
    common = left.index.intersection(right.index, sort=False)
    for column in left:
        changed = _changed(left[column][common], right[column][common])
        if len(changed):
            yield f"{column}: differs for {len(changed)} of {len(common)}: {_few(changed)}"
    if left.index.tolist() != right.index.tolist() and set(left.index) == set(right.index):
        yield f"{schema.KEY}: the same stimuli in another order"


def _changed(left: pd.Series, right: pd.Series) -> pd.Index:
    """Return the stimuli whose values differ."""
    same = (left == right) | (left.isna() & right.isna())
    return left.index[~same.fillna(False).astype(bool)]


def _model_differences(one: StimulusSet, other: StimulusSet) -> Iterator[str]:
    """List models that only one set has, or whose record or results differ."""
    for here, there in ((one, other), (other, one)):
        for name in here.models:
            if name not in there.models:
                yield f"models/{name}: only in {here.path}"
    for name in set(one.models) & set(other.models):
        left, right = (each.model_group(name).attrs for each in (one, other))
        for attribute, what in (
            ("record", "is another model"),
            ("content_hash", "has other results"),
        ):
            if left[attribute] != right[attribute]:
                yield f"models/{name}: {what}"
                break


def _pixel_metamer_differences(one: StimulusSet, other: StimulusSet) -> Iterator[str]:
    """List pixel metamers that only one set has, or that differ."""
    pairs = (read_pixel_metamers(each).items() for each in (one, other))
    left, right = (
        {f"{schema.PIXEL_METAMERS}/{run}": entry.content_hash for run, entry in entries}
        for entries in pairs
    )
    yield from _hash_differences(one, other, left, right)


def _finding_differences(one: StimulusSet, other: StimulusSet) -> Iterator[str]:
    """List predicted thresholds, reaches and warnings that only one set has, or that differ."""
    yield from _hash_differences(one, other, one.findings.hashes(), other.findings.hashes())


def _hash_differences(
    one: StimulusSet, other: StimulusSet, left: Mapping[str, str], right: Mapping[str, str]
) -> Iterator[str]:
    """List the entries whose hashes differ; both mappings are from place in the file to hash."""
    for place in sorted(left.keys() | right.keys()):
        if place not in right or place not in left:
            yield f"{place}: only in {one.path if place in left else other.path}"
        elif left[place] != right[place]:
            yield f"{place}: differs"


def _few(names: Any) -> str:
    """Return the first few names, joined, and an ellipsis if there are more."""
    listed = ", ".join(str(name) for name in names[:FEW])
    return listed if len(names) <= FEW else f"{listed}, …"

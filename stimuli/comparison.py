"""List the differences between two sets."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from stimuli import schema
from stimuli.pixel_metamers import read_pixel_metamers
from stimuli.stimulus_set import StimulusSet

FEW = 3  # names that are listed of many


def differences(one: StimulusSet, other: StimulusSet) -> list[str]:
    """Return the differences between two sets, one line for each part that differs.

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
    ]


def _stimulus_differences(one: StimulusSet, other: StimulusSet) -> Iterator[str]:
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
    same = (left == right) | (left.isna() & right.isna())
    return left.index[~same.fillna(False).astype(bool)]


def _model_differences(one: StimulusSet, other: StimulusSet) -> Iterator[str]:
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
    found = (read_pixel_metamers(each).items() for each in (one, other))
    left, right = (
        {f"{schema.PIXEL_METAMERS}/{run}": entry.content_hash for run, entry in entries}
        for entries in found
    )
    yield from _hash_differences(one, other, left, right)


def _finding_differences(one: StimulusSet, other: StimulusSet) -> Iterator[str]:
    yield from _hash_differences(one, other, one.findings.hashes(), other.findings.hashes())


def _hash_differences(
    one: StimulusSet, other: StimulusSet, left: Mapping[str, str], right: Mapping[str, str]
) -> Iterator[str]:
    """Compare the hashes that each set holds, by place in the file."""
    for place in sorted(left.keys() | right.keys()):
        if place not in right or place not in left:
            yield f"{place}: only in {one.path if place in left else other.path}"
        elif left[place] != right[place]:
            yield f"{place}: differs"


def _few(names: Any) -> str:
    listed = ", ".join(str(name) for name in names[:FEW])
    return listed if len(names) <= FEW else f"{listed}, …"

"""Check that all parts of a set are ordinary groups and datasets, stored in its own file.

HDF5 can store parts of a file elsewhere: behind links, in raw files, in other HDF5 files, or behind
filters that are loaded from plugins. Sets are passed on and shown to people, so all of these are
refused. Only shapes, types and attributes are read here, not the data itself.
"""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
from h5py import h5a, h5d, h5l, h5o, h5s, h5t, h5z

from scenes.base.errors import InputError
from scenes.pictures.decoded import MOST_PIXELS
from stimuli.schema import AOV_DTYPES, AOVS, ARRAYS, IMAGES, RADIANCE

_LINKS = {h5l.TYPE_SOFT: "a soft link", h5l.TYPE_EXTERNAL: "a link to another file"}
_FILTERS = {h5z.FILTER_DEFLATE, h5z.FILTER_SHUFFLE, h5z.FILTER_FLETCHER32, h5z.FILTER_LZF}
_CLASSES = {
    h5t.COMPOUND: "compound values",
    h5t.ARRAY: "arrays as values",
    h5t.VLEN: "values of any length",
    h5t.OPAQUE: "opaque bytes",
    h5t.REFERENCE: "references",
    h5t.BITFIELD: "bit fields",
    h5t.TIME: "times",
}
_NUMBERS = {h5t.INTEGER, h5t.FLOAT}
_READ_BY_ROW = (IMAGES, RADIANCE, *(f"{AOVS}/{kind}" for kind in AOV_DTYPES))  # others: whole
SMALL = 2**26  # bytes that any dataset may have, even in a small file
LARGE = MOST_PIXELS * 3 * 4  # the same for arrays of scenes, which may compress very well
FOLD = 8  # a larger dataset may have this many times the bytes of the file


def check_own_objects(file: h5py.File, path: Path) -> None:
    """Raise InputError if an object of an open file is not an ordinary one, or is too large."""
    size = path.stat().st_size
    for place, problem in _problems(file, size):
        raise InputError(
            f"{path}: {place}: {problem}; a stimulus set holds ordinary datasets and attributes of "
            "its own file alone: ask for the set itself, or build it again"
        )


def _problems(file: h5py.File, size: int) -> Iterator[tuple[str, str]]:
    """Yield (place, problem) of the first object that is not ordinary; visit all groups."""
    yield from _attribute_problems("", file.id)
    seen = {h5o.get_info(file.id).addr}
    waiting: list[tuple[str, Any]] = [("", h5py.h5g.open(file.id, b"/"))]
    while waiting:
        place, group = waiting.pop()
        for name in _names(group):
            where = f"{place}/{name.decode(errors='replace')}".lstrip("/")
            kind = group.links.get_info(name).type
            if kind != h5l.TYPE_HARD:
                yield where, f"is {_LINKS.get(kind, 'a link of an unknown kind')}"
                return
            info = h5o.get_info(group, name)
            if info.type not in (h5o.TYPE_GROUP, h5o.TYPE_DATASET):
                yield where, "is neither a group nor a dataset"
                return
            item = h5o.open(group, name)
            yield from _attribute_problems(where, item)
            if info.type == h5o.TYPE_DATASET:
                yield from ((where, each) for each in _dataset_problems(item, where, size))
            elif info.addr in seen:
                yield where, "is a group that has another name as well"
                return
            else:
                seen.add(info.addr)
                waiting.append((where, item))


def _names(group: Any) -> list[bytes]:
    """Return the names in a group."""
    names: list[bytes] = []
    group.links.iterate(names.append)
    return names


def _attribute_problems(place: str, item: Any) -> Iterator[tuple[str, str]]:
    """Yield (name, problem) of attributes that are not a single text or number."""
    for index in range(h5a.get_num_attrs(item)):
        one = h5a.open(item, index=index)
        name = f"{place}: attribute {one.name.decode(errors='replace')}".removeprefix(": ")
        if one.get_space().get_simple_extent_type() != h5s.SCALAR:
            yield name, "is no single value"
        elif reason := _type_problem(one.get_type()):
            yield name, f"holds {reason}"


def _dataset_problems(opened: h5d.DatasetID, place: str, size: int) -> Iterator[str]:
    """Yield why a dataset is not ordinary, or larger than it may be."""
    properties = opened.get_create_plist()
    layout = properties.get_layout()
    if layout == h5d.VIRTUAL:
        yield "is a virtual dataset: its values are in other datasets or files"
        return
    if properties.get_external_count():
        yield "its values are in another file"
        return
    for index in range(properties.get_nfilters()):
        if (number := properties.get_filter(index)[0]) not in _FILTERS:
            yield f"its values need filter {number}, which is a plugin"
            return
    if reason := _type_problem(opened.get_type()):
        yield f"holds {reason}"
        return
    if opened.get_space().get_simple_extent_type() == h5s.NULL:
        yield "holds no value"
        return
    shape = tuple(map(int, opened.shape))
    width = opened.get_type().get_size()
    claimed = math.prod(shape) * width
    chunk = properties.get_chunk() if layout == h5d.CHUNKED else ()
    read = max(claimed, math.prod(chunk) * width)  # a chunk may be larger than the dataset
    allowed = max(LARGE if place.startswith(f"{ARRAYS}/") else SMALL, FOLD * size)
    if place not in _READ_BY_ROW and read > allowed:
        yield f"claims {read:.3g} bytes (shape {shape}), in a file of {size:.3g}"
    elif not _is_stored(opened, layout, shape, claimed):
        yield f"claims shape {shape}, of which not all is stored"


def _is_stored(dataset: h5d.DatasetID, layout: int, shape: tuple[int, ...], claimed: int) -> bool:
    """Return whether all values are in the file: HDF5 stores nothing for values never written."""
    if layout == h5d.COMPACT or claimed == 0:
        return True
    if layout == h5d.CONTIGUOUS:
        return int(dataset.get_storage_size()) >= claimed
    chunks = dataset.get_create_plist().get_chunk()
    needed = math.prod(-(-side // chunk) for side, chunk in zip(shape, chunks, strict=True))
    return bool(dataset.get_num_chunks() == needed)


def _type_problem(kind: h5t.TypeID) -> str:
    """Return a name for a type that is not number, text or true/false; "" if it is one of these."""
    group = kind.get_class()
    if group == h5t.ENUM:
        names = {kind.get_member_name(each) for each in range(kind.get_nmembers())}
        return "" if names == {b"FALSE", b"TRUE"} else "names for numbers"
    if group != h5t.STRING and group not in _NUMBERS:
        return _CLASSES.get(group, "values of an unknown kind")
    try:
        _ = kind.dtype
    except (TypeError, ValueError, OverflowError):
        return "numbers that this computer does not know"
    return ""

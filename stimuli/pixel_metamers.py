"""Pixel metamers in a stimulus set: images beside the searches, not stimuli.

``/pixel_metamers/<run>`` holds ``target``, ``scene`` and ``pixel``, (C, H, W, 3) uint8 each, with
one image in each chunk, and ``record``, a JSON text; its attribute ``content_hash`` covers them.
They are not shown to people, so they enter neither the table nor the content hash of the set, and
a set may lack the group.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scenes.arrays import array_sha256
from stimuli.opening import reading
from stimuli.schema import PIXEL_METAMERS
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import FILTERS

PICTURES = ("target", "scene", "pixel")
RECORD = "record"

Pictures = NDArray[np.uint8]


@dataclass(frozen=True)
class PixelMetamer:
    """The pixel metamers of a run, one at each camera that its search used.

    ``record`` is plain data: ``target``, ``attribute``, ``model``, ``layer``, verdicts, provenance,
    and ``cameras``, a row for each camera with match and pixel distance of both metamers. The
    images are (C, H, W, 3) uint8, sRGB-encoded, in the order of these rows: of the target, of the
    search's result (``scene``), and the pixel metamers.
    """

    run: str
    record: Mapping[str, Any]
    target: Pictures
    scene: Pictures
    pixel: Pictures

    @property
    def content_hash(self) -> str:
        """Return the SHA-256 of record and images, 64 hexadecimal digits."""
        parts = [hashlib.sha256(_text(self.record).encode()).hexdigest()]
        parts += [array_sha256(getattr(self, name)) for name in PICTURES]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def write_pixel_metamers(file: h5py.File, entries: Iterable[PixelMetamer]) -> None:
    """Write pixel metamers into an open file that holds none; without any, no group is made."""
    for entry in entries:
        group = file.require_group(PIXEL_METAMERS).create_group(entry.run)
        for name in PICTURES:
            values = getattr(entry, name)
            chunks = (1, *values.shape[1:])
            group.create_dataset(name, data=values, chunks=chunks, **FILTERS["gzip"])
        group.create_dataset(RECORD, data=_text(entry.record))
        group.attrs["content_hash"] = entry.content_hash


def read_pixel_metamers(stimuli: StimulusSet) -> dict[str, PixelMetamer]:
    """Read all pixel metamers of a set by run; raise InputError if one is damaged."""
    found = {}
    for run, group in stimuli.file.get(PIXEL_METAMERS, {}).items():
        with reading(stimuli.path, f"{PIXEL_METAMERS}/{run}"):
            pictures = {name: np.asarray(group[name][()]) for name in PICTURES}
            found[run] = PixelMetamer(run, json.loads(group[RECORD].asstr()[()]), **pictures)
    return found


def pixel_metamer_problems(stimuli: StimulusSet, runs: Iterable[str]) -> Iterator[str]:
    """Yield altered parts, and pixel metamers of runs that are not among `runs`."""
    known = set(runs)
    for run, entry in read_pixel_metamers(stimuli).items():
        place = f"{PIXEL_METAMERS}/{run}"
        if stimuli.file[PIXEL_METAMERS][run].attrs["content_hash"] != entry.content_hash:
            yield f"{place}: attribute content_hash: is not that of its pictures and record"
        if run not in known:
            yield f"{place}: no stimulus is of that run"
        shapes = {name: getattr(entry, name).shape for name in PICTURES}
        if len(set(shapes.values())) > 1 or len(entry.target) != len(entry.record["cameras"]):
            yield f"{place}: pictures {shapes} for {len(entry.record['cameras'])} cameras"


def _text(record: Mapping[str, Any]) -> str:
    return json.dumps(record, sort_keys=True, ensure_ascii=False)

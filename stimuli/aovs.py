"""AOVs in a stimulus set: one dataset per kind, one image per chunk, in the order of the table.

They are not part of the content hash: no participant sees them, and they follow from the scenes.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from scenes.aov_kinds import CHANNELS, KINDS, Kind
from scenes.arrays import array_sha256
from scenes.base.digest import file_sha256
from scenes.base.errors import InputError, unknown
from scenes.pictures.files import read_channels
from stimuli import schema
from stimuli.aov_files import AOVS_FILE, aov_name, read_aov_table
from stimuli.opening import reading
from stimuli.stimulus_set import StimulusSet

Array = NDArray[Any]

MEANING: dict[Kind, str] = {
    "depth": "distance along the camera's viewing axis, scene units; 0 where nothing is hit",
    "normals": "shading normals in world coordinates; 0 where nothing is hit",
    "albedo": "base colour, linear Rec. 709; 0 where no object is hit",
    "mask": "share of the pixel that shows the searched object, 0 to 1",
    "object": "number of the object in the scene, from 1; 0 where no object is hit",
}


# ---- Reading files ------------------------------------------------------------------------------


def aovs_of(rows: Iterable[Any], kind: Kind) -> Iterator[Array]:
    """Yield an AOV of each row of a table of records, as stored; files have absolute paths.

    Raises
    ------
    InputError
        A file is missing, was altered or has another size.
    """
    tables: dict[Path, Mapping[str, Any]] = {}
    last: tuple[Path, Array] | None = None
    for row in rows:
        image = Path(row.radiance_file)
        folder = image.parents[1]
        if folder not in tables:
            tables[folder] = read_aov_table(folder)
        name = aov_name(image.parent.name, row.camera, kind)
        path = folder / name
        if last is None or last[0] != path:  # noise seeds share it
            last = (path, _read(path, kind, tables[folder].get(name), row))
        yield last[1]


def _read(path: Path, kind: Kind, entry: Any, row: Any) -> Array:
    """Return an AOV, (H, W) or (H, W, 3), in the type in which sets store it."""
    again = "run mrd generate to make it again"
    if entry is None or not path.is_file():
        where = f"{path.parents[1] / AOVS_FILE}: does not list {path.name}" if entry is None else ""
        raise InputError(f"{where or f'{path}: missing'}; image '{row.id}' needs it; {again}")
    if file_sha256(path) != entry.sha256:
        raise InputError(
            f"{path}: is not the file that was rendered (its SHA-256 differs); {again}"
        )
    values = read_channels(path, CHANNELS[kind])
    if values.shape[:2] != (row.height, row.width):
        raise InputError(f"{path}: is {values.shape}, and the record says {row.height}×{row.width}")
    return np.squeeze(values, axis=2) if values.shape[2] == 1 else values


# ---- Writing ------------------------------------------------------------------------------------


def write_aovs(
    file: h5py.File,
    aovs: Mapping[Kind, Iterable[Array]],
    count: int,
    filters: Mapping[str, Any],
    path: Path,
    check_disk: Callable[[], None],
) -> None:
    """Write the AOVs of `count` stimuli, in the order of the table; raise if some are missing."""
    for kind, images in aovs.items():
        dataset: h5py.Dataset | None = None
        hashes: list[str] = []
        for image in images:
            check_disk()
            stored = np.ascontiguousarray(image, dtype=schema.AOV_DTYPES[kind])
            if dataset is None:
                dataset = file.create_dataset(
                    f"{schema.AOVS}/{kind}",
                    (count, *stored.shape),
                    stored.dtype,
                    chunks=(1, *stored.shape),
                    shuffle=True,
                    **filters,
                )
                dataset.attrs["description"] = MEANING[kind]
            if stored.shape != dataset.shape[1:] or len(hashes) == count:
                raise InputError(
                    f"{path}: {schema.AOVS}/{kind}: an image of {stored.shape} does not fit into "
                    f"{dataset.shape}; a set holds images of one size, one per row of the table"
                )
            dataset[len(hashes)] = stored
            hashes.append(array_sha256(stored))
        if dataset is None or len(hashes) != count:
            raise InputError(
                f"{path}: {schema.AOVS}/{kind}: {len(hashes)} images, the table has {count} rows"
            )
        dataset.attrs["sha256"] = _joined(hashes)


# ---- Sets ---------------------------------------------------------------------------------------


def kinds_in(stimuli: StimulusSet) -> tuple[Kind, ...]:
    """Return the kinds of AOVs that a set holds."""
    stored = stimuli.file.get(schema.AOVS, ())
    return tuple(kind for kind in KINDS if kind in stored)


def read_aov(stimuli: StimulusSet, stimulus: str, kind: Kind) -> Array:
    """Return an AOV of a stimulus, such as its depth.

    Parameters
    ----------
    stimuli
        The set.
    stimulus
        Id of the stimulus.
    kind
        ``depth`` (H, W) float32, ``normals`` and ``albedo`` (H, W, 3) float16, ``mask`` (H, W)
        float16, or ``object`` (H, W) uint16; as `mrd.rendering.aovs.Aovs.of` defines them.

    Raises
    ------
    InputError
        There is no stimulus of that id, the set holds no such AOV, or it is damaged.
    """
    row = stimuli.row(stimulus)
    kinds = kinds_in(stimuli)
    if kind not in kinds:
        hint = f"build it with stimuli.aovs: [{kind}]"
        if kind not in KINDS:
            raise InputError(f"{stimuli.path}: {unknown('kind of AOV', kind, KINDS)}")
        raise InputError(f"{stimuli.path}: holds no {kind} ({', '.join(kinds) or 'none'}); {hint}")
    with reading(stimuli.path, f"{schema.AOVS}/{kind}[{row}] ('{stimulus}')"):
        return np.asarray(stimuli.file[schema.AOVS][kind][row])


def aov_hashes(stimuli: StimulusSet) -> dict[str, str]:
    """Return the recorded hash of every kind of AOV by its place in the file."""
    return {
        f"{schema.AOVS}/{kind}": str(stimuli.file[schema.AOVS][kind].attrs["sha256"])
        for kind in kinds_in(stimuli)
    }


def aov_problems(stimuli: StimulusSet, names: Sequence[str]) -> Iterator[str]:
    """Yield AOVs that are damaged, altered or not finite; `names` are the ids of the stimuli."""
    for kind in kinds_in(stimuli):
        dataset, hashes = stimuli.file[schema.AOVS][kind], []
        place = f"{schema.AOVS}/{kind}"
        for row, name in enumerate(names):
            try:
                values = dataset[row]
            except OSError as error:
                yield f"{place}[{row}] ('{name}'): cannot be read: {error}"
                break
            hashes.append(array_sha256(values))
            if not np.isfinite(values).all():
                yield f"{place}[{row}] ('{name}'): holds NaN or infinity"
        else:
            if _joined(hashes) != dataset.attrs["sha256"]:
                yield f"{place}: its SHA-256 is not that of attribute sha256"


def _joined(hashes: Sequence[str]) -> str:
    """Return one hash of the hashes of all images."""
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()

"""Results of models in a set: distances between its images, and verdicts of the criterion.

``/models/<model>/<layer>/distances/<family>`` is a symmetric matrix over the images of a family
without its nulls, in the order of the table. ``…/nulls/<family>`` has a row for each null image,
in the order of the table, against the target images of its camera and light in the order of their
noise seed. ``/models/<model>/verdicts/<family>`` is a JSON list of rows.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scenes.arrays import array_sha256
from scenes.base.errors import InputError
from stimuli.schema import DISTANCES, KEY, MODELS, NULLS, VERDICTS
from stimuli.storage import FILTERS

Matrix = NDArray[np.float32]
Row = dict[str, Any]


@dataclass(frozen=True)
class FamilyDistances:
    """Distances 1 − Pearson r of one layer's activations, in [0, 2], over one family."""

    # (n, n) float32, symmetric, its diagonal 0.
    between: Matrix
    # (k, s) float32: k null images against the s target images of their camera and light, NaN where
    # there are fewer than s; (0, 0) for a family without nulls.
    nulls: Matrix = field(default_factory=lambda: np.zeros((0, 0), np.float32))


@dataclass(frozen=True)
class ModelResults:
    """All results of a model in a set.

    Models with equal records compute the same. ``layers``: layer → family → distances.
    ``verdicts``: family → rows of plain data, NaN as None, each with the ``layers`` scored.
    """

    record: Mapping[str, Any]
    layers: Mapping[str, Mapping[str, FamilyDistances]]
    verdicts: Mapping[str, list[Row]] = field(default_factory=dict)


def compared(table: pd.DataFrame, family: str) -> pd.DataFrame:
    """Return the rows of a family in its matrix of distances: all but the nulls, in order."""
    return table[(table["family"] == family) & (table["role"] != "null")]


def nulls(table: pd.DataFrame, family: str) -> pd.DataFrame:
    """Return the rows of a family's null images, in order."""
    return table[(table["family"] == family) & (table["role"] == "null")]


def targets_by_view(table: pd.DataFrame, family: str) -> dict[tuple[str, str], pd.DataFrame]:
    """Return the rows of a family's target images by camera and light, sorted by noise seed.

    A null image is compared with the target images of its camera and light.
    """
    rows = table[(table["family"] == family) & (table["role"] == "target")]
    return {
        (str(camera), str(light)): seen.sort_values("noise_seed")
        for (camera, light), seen in rows.groupby(["camera", "light"], sort=False)
    }


def images_sha256(table: pd.DataFrame, family: str) -> str:
    """Return the hash of a family's images; it is stored with the distances between them."""
    rows = table[table["family"] == family]
    pairs = zip(rows[KEY], rows["sha256"], strict=True)
    lines = "".join(f"{stimulus} {sha256}\n" for stimulus, sha256 in pairs)
    return hashlib.sha256(lines.encode()).hexdigest()


def write_results(file: h5py.File, name: str, results: ModelResults, table: pd.DataFrame) -> None:
    """Write a model's results into an open file that holds none of that name.

    Raises InputError if a family is not in the set, or a matrix has not the size of its family.
    """
    group = file.require_group(MODELS).create_group(stored_name(name))
    group.attrs["record"] = json.dumps(results.record, sort_keys=True)
    for layer, families in results.layers.items():
        if layer == VERDICTS:
            raise InputError(f"models/{name}: '{layer}' cannot name a layer in a set")
        for family, distances in families.items():
            where = f"models/{name}/{layer}/{DISTANCES}/{family}"
            _check(where, family, distances, table)
            images = images_sha256(table, family)
            for kind, matrix in ((DISTANCES, distances.between), (NULLS, distances.nulls)):
                dataset = _write_matrix(group, f"{stored_name(layer)}/{kind}/{family}", matrix)
                dataset.attrs["images_sha256"] = images
    for family, rows in results.verdicts.items():
        text = json.dumps(rows, allow_nan=False)
        group.create_dataset(f"{VERDICTS}/{family}", data=text)
    group.attrs["content_hash"] = results_hash(group)


def read_results(group: h5py.Group) -> ModelResults:
    """Read all results of a model."""
    layers = {
        layer: {
            family: FamilyDistances(of_layer[DISTANCES][family][()], of_layer[NULLS][family][()])
            for family in of_layer[DISTANCES]
        }
        for layer in layer_names(group)
        for of_layer in [group[stored_name(layer)]]
    }
    verdicts = {
        family: json.loads(dataset.asstr()[()])
        for family, dataset in group.get(VERDICTS, {}).items()
    }
    return ModelResults(json.loads(group.attrs["record"]), layers, verdicts)


def updated(earlier: ModelResults | None, new: ModelResults) -> ModelResults:
    """Join new results with earlier ones of the same model (with an equal record).

    New results replace earlier ones of the same layer and family, and verdicts over the same
    layers. Earlier results of another model are dropped.
    """
    if earlier is None or earlier.record != new.record:
        return new
    layers = {
        name: {**earlier.layers.get(name, {}), **new.layers.get(name, {})}
        for name in {**earlier.layers, **new.layers}
    }
    verdicts = {}
    for family in {**earlier.verdicts, **new.verdicts}:
        rows = new.verdicts.get(family, [])
        scored = {row["layers"] for row in rows}
        others = earlier.verdicts.get(family, [])
        verdicts[family] = [*(row for row in others if row["layers"] not in scored), *rows]
    return ModelResults(new.record, layers, verdicts)


def layer_names(group: h5py.Group) -> tuple[str, ...]:
    """Return the layers of a model's group."""
    return tuple(shown_name(name) for name in group if name != VERDICTS)


def stored_name(name: str) -> str:
    """Return a model or layer as a name in HDF5: ``/`` and ``%`` are escaped as in URLs."""
    return name.replace("%", "%25").replace("/", "%2F")


def shown_name(name: str) -> str:
    """Return the name of a model or layer: the inverse of `stored_name`."""
    return name.replace("%2F", "/").replace("%25", "%")


def results_hash(group: h5py.Group) -> str:
    """Return the SHA-256 of a model's record, matrices and verdicts."""
    digest = hashlib.sha256(f"{group.attrs['record']}\n".encode())

    def add(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset):
            value = node[()]
            content = value if isinstance(value, bytes) else array_sha256(value).encode()
            digest.update(f"{name} {hashlib.sha256(content).hexdigest()}\n".encode())

    group.visititems(add)  # in the order of the names
    return digest.hexdigest()


def _check(where: str, family: str, distances: FamilyDistances, table: pd.DataFrame) -> None:
    if family not in set(table["family"]):
        raise InputError(f"{where}: the set has no family of that name")
    count, found = len(compared(table, family)), distances.between.shape
    if found != (count, count):
        raise InputError(f"{where}: has shape {found}, and the family {count} images")
    count, found = len(nulls(table, family)), distances.nulls.shape
    if len(distances.nulls) != count:
        raise InputError(f"{where}: nulls have shape {found}, and the family {count} null images")


def _write_matrix(group: h5py.Group, name: str, matrix: Matrix) -> h5py.Dataset:
    values = np.asarray(matrix, np.float32)
    if values.size == 0:
        return group.create_dataset(name, data=values)
    chunks = tuple(min(side, 512) for side in values.shape)
    return group.create_dataset(name, data=values, chunks=chunks, shuffle=True, **FILTERS["gzip"])

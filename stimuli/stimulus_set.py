"""Read a stimulus set lazily and read-only; any number of processes may read it at once."""

import json
import os
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from scenes.base.errors import InputError, nearest, unknown
from scenes.scene import Scene
from stimuli import schema
from stimuli.findings import Findings, predicted_table, reach_table, read_findings
from stimuli.model_results import (
    ModelResults,
    compared,
    layer_names,
    nulls,
    read_results,
    shown_name,
    stored_name,
    targets_by_view,
)
from stimuli.opening import open_set, reading
from stimuli.packed_scene import PackedScene, unpacked


class StimulusSet:
    """A stimulus set, read-only.

    Parts are read when they are used. Opening does not verify the hash of the file; ``mrd stimuli
    check`` does. Use it in a ``with`` statement; a forked process opens the file again.

    Parameters
    ----------
    path
        The file.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._handle: h5py.File | None = None
        self._owner = 0

    # ---- The file -------------------------------------------------------------------------------

    @property
    def file(self) -> h5py.File:
        """The open HDF5 file.

        Raises
        ------
        InputError
            It is missing, broken, no stimulus set, or of another schema version.
        """
        if self._handle is None or self._owner != os.getpid():
            self._handle, self._owner = open_set(self.path), os.getpid()
        return self._handle

    def close(self) -> None:
        """Close the file; it opens again when a part is read."""
        if self._handle is not None and self._owner == os.getpid():
            self._handle.close()
        self._handle = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __len__(self) -> int:
        return int(self.file[schema.IMAGES].shape[0])

    @property
    def content_hash(self) -> str:
        """SHA-256 of images, scenes and table, which sessions record."""
        return str(self.file.attrs["content_hash"])

    @cached_property
    def provenance(self) -> dict[str, Any]:
        """How the set was made, as plain data."""
        return dict(json.loads(self.file.attrs["provenance"]))

    # ---- Stimuli --------------------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        """All columns of `stimuli.schema.COLUMNS`, one row per stimulus.

        Raises
        ------
        InputError
            A column is missing or damaged.
        """
        with self._reading(schema.STIMULI):
            group = self.file[schema.STIMULI]
            return pd.DataFrame(
                {
                    name: schema.table_column(group[name][()], column)
                    for name, column in schema.COLUMNS.items()
                }
            )

    @property
    def units(self) -> dict[str, str]:
        """Unit of each column; "" for none."""
        return {name: column.unit for name, column in schema.COLUMNS.items()}

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {stimulus: row for row, stimulus in enumerate(self.table[schema.KEY])}

    def row(self, stimulus: str) -> int:
        """Return the row of a stimulus in the table and among the images.

        Raises
        ------
        InputError
            There is no stimulus of that id.
        """
        try:
            return self._rows[stimulus]
        except KeyError:
            raise self._unknown("stimulus", stimulus, self._rows) from None

    def image(self, stimulus: str) -> NDArray[Any]:
        """Return the image: (H, W, 3) uint8 or uint16, sRGB-encoded, row 0 at the top.

        Raises
        ------
        InputError
            There is no stimulus of that id, or its image is damaged.
        """
        row = self.row(stimulus)
        with self._reading(f"{schema.IMAGES}[{row}] ('{stimulus}')"):
            return np.asarray(self.file[schema.IMAGES][row])

    def radiance(self, stimulus: str) -> NDArray[np.float16]:
        """Return linear radiance before exposure, (H, W, 3) float16.

        Raises
        ------
        InputError
            There is no stimulus of that id, the set holds no radiance, or it is damaged.
        """
        row = self.row(stimulus)
        if schema.RADIANCE not in self.file:
            raise InputError(
                f"{self.path}: holds no radiance; build it with stimuli.radiance: true"
            )
        with self._reading(f"{schema.RADIANCE}[{row}] ('{stimulus}')"):
            return np.asarray(self.file[schema.RADIANCE][row])

    def scene(self, stimulus: str) -> Scene:
        """Return the scene that a stimulus shows, ready to be rendered.

        Raises
        ------
        InputError
            There is no stimulus of that id, or its scene is damaged.
        """
        packed = self.packed_scene(str(self.table["scene"][self.row(stimulus)]))
        with self._reading(f"{schema.SCENES}/{packed.sha256}"):
            return unpacked(packed.text, packed.arrays.__getitem__)

    def packed_scene(self, sha256: str) -> PackedScene:
        """Return a scene in its stored form.

        Raises
        ------
        InputError
            It is missing or damaged.
        """
        with self._reading(f"{schema.SCENES}/{sha256}"):
            text = self.file[schema.SCENES][sha256].asstr()[()]
            arrays = self.file[schema.ARRAYS]
            return PackedScene(
                sha256, text, {name: arrays[name][()] for name in _array_names(json.loads(text))}
            )

    def series(self, target: str, model: str, layer: str, attribute: str) -> pd.DataFrame:
        """Return the rows of the series of a model's search, in order of level, from 0.

        Parameters
        ----------
        target, model, layer, attribute
            As in the table; several layers are joined by ``;``.

        Returns
        -------
        DataFrame
            Roles ``rerender`` (level 0), ``series`` and ``result``. The index is that of `table`.

        Raises
        ------
        InputError
            There is no such series.
        """
        table = self.table
        of_model = (table["model"] == model) & (table["layer"] == layer)
        chosen = table[
            (table["target"] == target)
            & (table["attribute"] == attribute)
            & table["role"].isin(("series", "result"))
            & of_model
        ]
        if chosen.empty:
            series = table[table["role"].isin(("series", "result"))]
            known = series[["target", "model", "layer", "attribute"]].drop_duplicates()
            raise InputError(
                f"{self.path}: there is no series of target '{target}', model '{model}', layer "
                f"'{layer}', attribute '{attribute}'; there are: "
                f"{'; '.join(', '.join(row) for row in known.to_numpy())}"
            )
        starts = table[(table["role"] == "rerender") & table["family"].isin(chosen["family"])]
        return pd.concat([starts, chosen]).sort_values(
            ["level", "camera", "light", "noise_seed"], kind="stable"
        )

    # ---- Results of models ----------------------------------------------------------------------

    @property
    def models(self) -> dict[str, tuple[str, ...]]:
        """Models with distances in the set, each with its layers."""
        return {
            shown_name(name): layer_names(group) for name, group in self.file[schema.MODELS].items()
        }

    def model_group(self, model: str) -> h5py.Group:
        """Return the group of the file with a model's results.

        Raises
        ------
        InputError
            The model has not been embedded.
        """
        if model not in self.models:
            raise self._unknown("embedded model", model, self.models)
        return self.file[schema.MODELS][stored_name(model)]

    def results(self, model: str) -> ModelResults:
        """Return all results of a model.

        Raises
        ------
        InputError
            The model has not been embedded.
        """
        group = self.model_group(model)
        with self._reading(f"{schema.MODELS}/{model}"):
            return read_results(group)

    def distances(self, model: str, layer: str, family: str) -> pd.DataFrame:
        """Return the distances 1 − Pearson r between the images of a family except its nulls.

        Returns
        -------
        DataFrame
            Symmetric, float32; rows and columns are stimulus ids in the order of the table.

        Raises
        ------
        InputError
            There is no such model, layer or family.
        """
        values = self._matrix(model, layer, schema.DISTANCES, family)
        names = compared(self.table, family)[schema.KEY].tolist()
        with self._reading(f"{schema.MODELS}/{model}/{layer}/{schema.DISTANCES}/{family}"):
            return pd.DataFrame(values, index=names, columns=names)

    def null_distances(self, model: str, layer: str, family: str) -> pd.DataFrame:
        """Return the distances of null images from the target images of their camera and light.

        Returns
        -------
        DataFrame
            One row per pair: ``null``, ``target`` (stimulus ids) and ``distance``.

        Raises
        ------
        InputError
            There is no such model, layer or family.
        """
        values = self._matrix(model, layer, schema.NULLS, family)
        targets = targets_by_view(self.table, family)
        pairs = []
        with self._reading(f"{schema.MODELS}/{model}/{layer}/{schema.NULLS}/{family}"):
            for row, distances in zip(nulls(self.table, family).itertuples(), values, strict=True):
                near = targets[str(row.camera), str(row.light)][schema.KEY]
                pairs += [
                    (row.stimulus_id, target, float(distance))
                    for target, distance in zip(near, distances, strict=False)
                ]
        return pd.DataFrame(pairs, columns=["null", "target", "distance"])

    def verdicts(self, model: str) -> pd.DataFrame:
        """Return verdicts on the stored images: one row per scene, camera and light.

        Raises
        ------
        InputError
            The model has not been embedded.
        """
        rows = [
            {"family": family, **row}
            for family, found in self.results(model).verdicts.items()
            for row in found
        ]
        return pd.DataFrame(rows)

    # ---- Findings -------------------------------------------------------------------------------

    @cached_property
    def findings(self) -> Findings:
        """Predicted thresholds, reaches and warnings as records; empty if the set has none.

        Raises
        ------
        InputError
            One is damaged.
        """
        return read_findings(self.file, self.path)

    def predicted_thresholds(self) -> pd.DataFrame:
        """Return the thresholds that models predict (`mrd fisher`), one row per parameter.

        Returns
        -------
        DataFrame
            ``prediction`` (its name), ``target``, ``model``, ``layer``, ``attribute``,
            ``parameter``; ``threshold`` in its ``unit``, and as the physical ``distance`` from
            the target in its ``measure`` (both infinite if the model does not respond to it);
            ``agreement``, ``clipped``, ``cameras``, settings and ``record_sha256``.
        """
        with self._reading(schema.PREDICTED_THRESHOLDS):
            return predicted_table(self.findings.predicted_thresholds)

    def reach(self) -> pd.DataFrame:
        """Return the distances of the widest metamers (`mode: diverge`), one row per start.

        Returns
        -------
        DataFrame
            ``run``, ``target``, ``model``, ``layer``, ``attribute``; ``reach`` in its ``measure``
            (NaN if no start passed); ``control_reach``, and ``control_failed_at``, the distance of
            the nearest failed control beyond it (NaN if none failed); ``start``, its ``distance``,
            ``match`` and ``verdict``; ``record_sha256``.
        """
        with self._reading(schema.REACH):
            return reach_table(self.findings.reach)

    def _matrix(self, model: str, layer: str, kind: str, family: str) -> NDArray[np.float32]:
        """Return a matrix of distances of a layer and family."""
        of_model = self.model_group(model)
        if layer not in layer_names(of_model):
            raise self._unknown(f"layer of '{model}'", layer, layer_names(of_model))
        group = of_model[stored_name(layer)][kind]
        if family not in group:
            raise self._unknown("family", family, group)
        with self._reading(f"{schema.MODELS}/{model}/{layer}/{kind}/{family}"):
            return np.asarray(group[family][()])

    # ---- Errors ---------------------------------------------------------------------------------

    def _unknown(self, kind: str, name: str, valid: Any) -> InputError:
        """Return the error for a name that is not among the valid ones."""
        if len(valid) > 20:  # do not list thousands of ids
            hint = nearest(name, valid) or f"use one of its {len(valid)}, such as {min(valid)}"
            return InputError(f"{self.path}: no {kind} is called '{name}'; {hint}")
        return InputError(f"{self.path}: {unknown(kind, name, valid)}")

    def _reading(self, dataset: str) -> AbstractContextManager[None]:
        """Add file and dataset to errors of the block, but not to errors of opening the file."""
        _ = self.file
        return reading(self.path, dataset)


def _array_names(value: Any) -> set[str]:
    """Return the hashes of the arrays that the JSON of a scene names."""
    if not isinstance(value, dict):
        return set()
    if {"sha256", "shape", "dtype"} == set(value):
        return {str(value["sha256"])}
    return set().union(*(_array_names(each) for each in value.values()))

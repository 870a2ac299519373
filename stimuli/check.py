"""Check a set: its seal, hashes, references and numbers."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from scenes.arrays import array_sha256
from scenes.base.errors import InputError
from stimuli import schema
from stimuli.aovs import aov_problems
from stimuli.findings import finding_problems
from stimuli.model_results import (
    compared,
    images_sha256,
    layer_names,
    results_hash,
    stored_name,
)
from stimuli.opening import DAMAGED, damaged
from stimuli.pixel_metamers import pixel_metamer_problems
from stimuli.selection import FEWEST_SEEDS
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal
from stimuli.writing import content_hash

VIEW = ["family", "camera", "light"]
GREATEST_DISTANCE = 2.0  # 1 − Pearson r


def problems(path: Path) -> list[str]:
    """List the problems of a set.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    list of str
        One line per problem, with file, dataset and reason; empty for a valid set. If the seal is
        broken, that is the only line: then no part of the file can be trusted.
    """
    try:
        check_seal(path)
        with StimulusSet(path) as stimuli:
            table = schema.checked_table(stimuli.table, str(path))
            listed = [
                *_image_problems(stimuli, table),
                *aov_problems(stimuli, table[schema.KEY].tolist()),
                *_scene_problems(stimuli, table),
                *reference_problems(table),
                *level_problems(table),
                *_content_problems(stimuli),
                *_model_problems(stimuli, table),
                *pixel_metamer_problems(stimuli, table["run"]),
                *finding_problems(stimuli.file, path, table),
            ]
    except InputError as error:
        return [str(error)]
    except DAMAGED as error:
        return [str(damaged(path, error))]
    return [f"{path}: {problem}" for problem in listed]


def _image_problems(stimuli: StimulusSet, table: pd.DataFrame) -> Iterator[str]:
    """Yield images and radiance that are damaged, altered, NaN, infinite or negative."""
    for name, column in ((schema.IMAGES, "sha256"), (schema.RADIANCE, "radiance_sha256")):
        if name not in stimuli.file:
            continue
        dataset = stimuli.file[name]
        for row, (stimulus, recorded) in enumerate(
            zip(table[schema.KEY], table[column], strict=True)
        ):
            try:
                pixels = dataset[row]
            except OSError as error:
                yield f"{name}[{row}] ('{stimulus}'): cannot be read: {error}"
                continue
            if array_sha256(pixels) != recorded:
                yield f"{name}[{row}] ('{stimulus}'): its SHA-256 is not that of column {column}"
            if not np.isfinite(pixels).all() or (pixels < 0).any():
                yield f"{name}[{row}] ('{stimulus}'): holds NaN, infinity or negative radiance"


def _scene_problems(stimuli: StimulusSet, table: pd.DataFrame) -> Iterator[str]:
    """Yield scenes and arrays that are missing, altered or not used."""
    stored = stimuli.file[schema.SCENES]
    firsts = table.drop_duplicates("scene")
    for scene, stimulus in zip(firsts["scene"], firsts[schema.KEY], strict=True):
        if scene not in stored:
            yield f"{schema.SCENES}/{scene}: missing; stimulus '{stimulus}' shows it"
            continue
        try:
            rebuilt = stimuli.scene(stimulus)
        except InputError as error:
            yield str(error).removeprefix(f"{stimuli.path}: ")
            continue
        if rebuilt.sha256 != scene:
            yield f"{schema.SCENES}/{scene}: is another scene ({rebuilt.sha256})"
    for scene in set(stored) - set(firsts["scene"]):
        yield f"{schema.SCENES}/{scene}: no stimulus shows it"
    for name, values in stimuli.file[schema.ARRAYS].items():
        if array_sha256(values[()]) != name:
            yield f"{schema.ARRAYS}/{name}: its SHA-256 is another"


def reference_problems(table: pd.DataFrame) -> Iterator[str]:
    """Yield images without a target image, scenes with too few noise seeds, repeated images."""
    targets = table[table["role"] == "target"]
    views = set(targets[VIEW].itertuples(index=False, name=None))
    alone = table[[view not in views for view in table[VIEW].itertuples(index=False, name=None)]]
    for row in alone.drop_duplicates(VIEW).itertuples():
        yield (
            f"stimuli: '{row.stimulus_id}' has no target image of family '{row.family}' at camera "
            f"'{row.camera}' under light '{row.light}'"
        )
    shown = table[table["role"] != "null"]
    seeds = shown.groupby(["scene", "camera"], sort=False)["noise_seed"].transform("nunique")
    for row in shown[seeds < FEWEST_SEEDS].drop_duplicates(["scene", "camera"]).itertuples():
        yield (
            f"stimuli/noise_seed: the scene of '{row.stimulus_id}' has fewer than {FEWEST_SEEDS} "
            "noise seeds at its camera, and trials need as many"
        )
    # Two families of one target may share images of it: a trial shows images of one family.
    repeated = table[table.duplicated(["family", "sha256"], keep=False)]
    for _, rows in repeated.groupby(["family", "sha256"], sort=False):
        yield (
            f"stimuli/sha256: '{rows[schema.KEY].iloc[0]}' and '{rows[schema.KEY].iloc[1]}' are "
            "the same image; no two of a family may share their noise"
        )


def level_problems(table: pd.DataFrame) -> Iterator[str]:
    """Yield series whose levels do not increase, and trajectories whose distances do not."""
    series = table[~table["role"].isin(("target", "rerender", "null"))]
    role = series["role"].replace({"result": "series"})
    for (run, name, light), rows in series.groupby(["run", role, "light"], sort=False):
        steps = rows.drop_duplicates("level_index").sort_values("level_index")
        columns = ["level"]
        if (steps["series_kind"] == "trajectory").all():
            columns.append("physical_distance")
        for column in columns:
            values = steps[column].to_numpy()
            if not (np.diff(values) > 0).all():
                numbers = ", ".join(f"{value:.4g}" for value in values)
                yield (
                    f"stimuli/{column}: the {name} of run '{run}' under light '{light}' does not "
                    f"grow from level to level: {numbers}"
                )


def _content_problems(stimuli: StimulusSet) -> Iterator[str]:
    """Yield a problem if the content hash is not that of table and scenes."""
    columns = {name: values[()] for name, values in stimuli.file[schema.STIMULI].items()}
    texts = {name: text.asstr()[()] for name, text in stimuli.file[schema.SCENES].items()}
    if content_hash(columns, texts) != stimuli.content_hash:
        yield "attribute content_hash: is not that of the table and scenes"


def _model_problems(stimuli: StimulusSet, table: pd.DataFrame) -> Iterator[str]:
    """Yield results of models that are altered, or do not fit the images."""
    families = set(table["family"])
    for name in stimuli.models:
        place, group = f"{schema.MODELS}/{name}", stimuli.model_group(name)
        if results_hash(group) != group.attrs["content_hash"]:
            yield f"{place}: attribute content_hash: is not that of its results"
        for layer in layer_names(group):
            for family, matrix in group[stored_name(layer)][schema.DISTANCES].items():
                where = f"{place}/{layer}/{schema.DISTANCES}/{family}"
                if family not in families:
                    yield f"{where}: the set has no such family"
                    continue
                if matrix.attrs["images_sha256"] != images_sha256(table, family):
                    yield f"{where}: is of other images"
                for problem in _matrix_problems(matrix, len(compared(table, family))):
                    yield f"{where}: {problem}"


def _matrix_problems(matrix: h5py.Dataset, count: int) -> Iterator[str]:
    """Yield what is wrong with a matrix of distances between `count` images."""
    values: Any = matrix[()]
    if values.shape != (count, count):
        yield f"has shape {values.shape}, and the family {count} images"
        return
    if not np.array_equal(values, values.T, equal_nan=True) or np.diagonal(values).any():
        yield "is not symmetric with a diagonal of 0"
    if (values < 0).any() or (values > GREATEST_DISTANCE).any():
        yield "holds numbers that are no distances (0 to 2)"

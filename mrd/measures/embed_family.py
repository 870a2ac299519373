"""One family of a set through one model: distances between its images, and the criterion again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from mrd.criterion.criterion import Measures, measures, stacked
from mrd.measures.activation_store import ActivationStore, standardised
from mrd.measures.stored_verdicts import Candidate, Judged, rows_of
from mrd.models.base import Model
from mrd.models.trial import finite_activations
from scenes.base.errors import InputError
from stimuli import schema
from stimuli.encoding import display_values
from stimuli.model_results import FamilyDistances, compared, nulls, targets_by_view
from stimuli.stimulus_set import StimulusSet

BATCH = 16


@dataclass(frozen=True)
class FamilyResults:
    """What one model makes of one family."""

    layers: dict[str, FamilyDistances]
    verdicts: list[dict[str, Any]]


@torch.no_grad()
def embed_family(
    stimuli: StimulusSet,
    family: str,
    model: Model,
    floor: float,
    device: str,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> FamilyResults:
    """Distances between the images of a family, and what the criterion says of its scenes.

    Parameters
    ----------
    stimuli
        The set.
    family
        Its name.
    model
        On the device.
    floor
        Least match of a metamer.
    device
        Of torch tensors.
    progress
        Told (images done, of how many).
    """
    own, null = compared(stimuli.table, family), nulls(stimuli.table, family)
    total = len(own) + len(null)
    stores = {layer: ActivationStore(len(own), stimuli.path.parent) for layer in model.layers}
    for first, images in _batches(stimuli, own, device):
        names = _names(own, first, len(images))
        for layer, activations in finite_activations(model, images, names).items():
            stores[layer].put(first, activations)
        progress(first + len(images), total)
    place = {row: n for n, row in enumerate(own.index)}
    pairs = _null_pairs(stimuli.table, family, null, place)
    distances: dict[str, list[np.ndarray]] = {layer: [] for layer in model.layers}
    against: list[Measures] = []
    for first, images in _batches(stimuli, null, device):
        names = _names(null, first, len(images))
        seen = {
            layer: each.flatten(start_dim=1).float().cpu()
            for layer, each in finite_activations(model, images, names).items()
        }
        batch = pairs[first : first + len(images)]
        for layer, rows in seen.items():
            distances[layer] += _to_targets(rows.numpy(), stores[layer], batch)
        firsts = {layer: stores[layer].get([each[0] for each in batch]) for layer in seen}
        against.append(measures(firsts, seen))
        progress(len(own) + first + len(images), total)
    verdicts = _verdicts(stimuli, own, null, against, stores, model, floor, device)
    layers = {
        layer: FamilyDistances(store.distances(), _table(distances[layer]))
        for layer, store in stores.items()
    }
    return FamilyResults(layers, verdicts)


def _names(rows: pd.DataFrame, first: int, count: int) -> list[str]:
    """What to call some images of a set in a message."""
    return [f"the image {name}" for name in rows[schema.KEY].iloc[first : first + count]]


def _batches(
    stimuli: StimulusSet, rows: pd.DataFrame, device: str
) -> Iterator[tuple[int, torch.Tensor]]:
    """Stored images as models see them, (B, 3, H, W) in [0, 1], with the number of the first.

    The next ones are read while a model looks at these.
    """
    names = rows[schema.KEY].tolist()
    if not names:
        return

    def read(first: int) -> torch.Tensor:
        images = [stimuli.image(name) for name in names[first : first + BATCH]]
        shown = torch.from_numpy(display_values(np.stack(images))).permute(0, 3, 1, 2)
        return shown.contiguous()

    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(read, 0)
        for first in range(0, len(names), BATCH):
            images = coming.result()
            if first + BATCH < len(names):
                coming = reader.submit(read, first + BATCH)
            yield first, images.to(device)


def _null_pairs(
    table: pd.DataFrame, family: str, null: pd.DataFrame, place: Mapping[Any, int]
) -> list[list[int]]:
    """For each null image, where the target images that it is compared with lie in the stores."""
    targets = targets_by_view(table, family)
    pairs = []
    for row in null.itertuples():
        view = (str(row.camera), str(row.light))
        if view not in targets:
            raise InputError(f"null image '{row.stimulus_id}' has no target to compare with")
        pairs.append([place[index] for index in targets[view].index])
    return pairs


def _to_targets(
    rows: np.ndarray, store: ActivationStore, pairs: Sequence[list[int]]
) -> list[np.ndarray]:
    """Distances of null activations (B, D) from their target images."""
    return [
        np.clip(1 - standardised(store.get(targets).numpy()) @ row, 0, 2)
        for row, targets in zip(standardised(rows), pairs, strict=True)
    ]


def _table(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Rows of unequal length as one matrix, NaN where one ends earlier."""
    made = np.full((len(rows), max(map(len, rows), default=0)), np.nan, np.float32)
    for n, row in enumerate(rows):
        made[n, : len(row)] = row
    return made


def _verdicts(
    stimuli: StimulusSet,
    own: pd.DataFrame,
    null: pd.DataFrame,
    against: Sequence[Measures],
    stores: Mapping[str, ActivationStore],
    model: Model,
    floor: float,
    device: str,
) -> list[dict[str, Any]]:
    """The criterion for every scene of a family, under each light; none where there is no null."""
    if null.empty:
        return []
    of_nulls = {name: np.concatenate([each[name] for each in against]) for name in against[0]}
    place = {row: n for n, row in enumerate(own.index)}

    def compared_with(one: Sequence[Any], other: Sequence[Any]) -> Measures:
        return measures(
            {layer: store.get([place[row] for row in one]) for layer, store in stores.items()},
            {layer: store.get([place[row] for row in other]) for layer, store in stores.items()},
        )

    rows: list[dict[str, Any]] = []
    for light, images in own.groupby("light", sort=False):
        of_camera, again = _target_images(images)
        cameras, firsts = list(of_camera), list(of_camera.values())
        ceiling = stacked([compared_with(firsts, others) for others in again])
        here = null[null["light"] == light]
        null_rows = _by_camera(null, here, cameras)
        judged = Judged(
            cameras,
            {camera: bool(held) for camera, held in _held_out(images).items()},
            {name: values[null_rows] for name, values in of_nulls.items()},
            ceiling,
            _labels_of_target(stimuli, images, [firsts, *again], model, device),
            floor,
            ";".join(model.layers),
        )
        for candidate in _candidates(images, cameras):
            similar = compared_with(firsts, candidate.images)
            labels = _labels(stimuli, images, candidate.images, model, device)
            rows += rows_of(candidate, similar, labels, judged)
    return rows


def _target_images(images: pd.DataFrame) -> tuple[dict[str, Any], list[list[Any]]]:
    """The target's first image at each camera, and columns of others of the same scene."""
    scene = images[images["role"].isin(("target", "rerender"))].copy()
    scene["order"] = scene["role"] != "target"
    scene = scene.sort_values(["order", "noise_seed"], kind="stable")
    by_camera = {
        str(camera): list(rows.index) for camera, rows in scene.groupby("camera", sort=False)
    }
    firsts = {camera: rows[0] for camera, rows in by_camera.items()}
    count = min(len(rows) for rows in by_camera.values())
    return firsts, [[rows[k] for rows in by_camera.values()] for k in range(1, count)]


def _candidates(family: pd.DataFrame, cameras: Sequence[str]) -> Iterator[Candidate]:
    """Every scene that is compared with the target, its first image at each camera."""
    others = family[family["role"] != "target"]
    for _, rows in others.groupby(["run", "role", "level_index"], sort=False):
        images = rows.sort_values("noise_seed", kind="stable").drop_duplicates("camera")
        of_camera = dict(zip(images["camera"], images.index, strict=True))
        if set(cameras) <= set(of_camera):
            yield Candidate(rows.iloc[0], [of_camera[camera] for camera in cameras])


def _by_camera(null: pd.DataFrame, here: pd.DataFrame, cameras: Sequence[str]) -> np.ndarray:
    """Places (N, C) of null images: a row a scene, a column a camera."""
    numbers = pd.Series(np.arange(len(null)), index=null.index)[here.index]
    table = here.assign(number=numbers).pivot_table(
        index="level_index", columns="camera", values="number"
    )
    return table[list(cameras)].dropna().to_numpy(np.intp)


def _held_out(images: pd.DataFrame) -> dict[str, bool]:
    return dict(images.drop_duplicates("camera").set_index("camera")["held_out"])


def _labels_of_target(
    stimuli: StimulusSet,
    images: pd.DataFrame,
    columns: Sequence[Sequence[Any]],
    model: Model,
    device: str,
) -> np.ndarray | None:
    """Classes of the target's images, (1 + K, C), the first image at each camera in the first row.

    None where the model has no classes.
    """
    if not model.has_labels:
        return None
    return np.asarray([_labels(stimuli, images, rows, model, device) for rows in columns])


def _labels(
    stimuli: StimulusSet, images: pd.DataFrame, rows: Sequence[Any], model: Model, device: str
) -> list[int] | None:
    """Classes of some images, None where the model has none."""
    if not model.has_labels:
        return None
    found: list[int] = []
    for _, batch in _batches(stimuli, images.loc[list(rows)], device):
        labels = model.labels(batch)
        found += [] if labels is None else labels.tolist()
    return found

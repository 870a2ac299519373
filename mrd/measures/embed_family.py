"""Results of one model for one family of a set: distances between images, and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from mrd.criterion.class_names import with_class_names
from mrd.criterion.criterion import Measures, measures, stacked
from mrd.measures.activation_store import ActivationStore, standardised
from mrd.measures.stored_verdicts import ComparedScene, StoredReference, verdict_rows
from mrd.models.base import Model
from mrd.models.trial import finite_activations
from mrd.study.criterion_section import ScoringRule
from scenes.base.errors import InputError
from stimuli import schema
from stimuli.encoding import display_values
from stimuli.model_results import FamilyDistances, compared, nulls, targets_by_view
from stimuli.stimulus_set import StimulusSet

BATCH = 16


@dataclass(frozen=True)
class FamilyResults:
    """Distances of a family by layer, and rows of verdicts."""

    layers: dict[str, FamilyDistances]
    verdicts: list[dict[str, Any]]


@dataclass(frozen=True)
class _Viewer:
    """A model, and the set whose stored images it receives."""

    stimuli: StimulusSet
    model: Model
    device: str

    def batches(self, rows: pd.DataFrame) -> Iterator[tuple[pd.DataFrame, torch.Tensor]]:
        """Yield batches of rows with images (B, 3, H, W) in [0, 1]; read the next one meanwhile."""
        parts = [rows.iloc[first : first + BATCH] for first in range(0, len(rows), BATCH)]
        if not parts:
            return

        def read(part: pd.DataFrame) -> torch.Tensor:
            images = np.stack([self.stimuli.image(name) for name in part[schema.KEY]])
            return torch.from_numpy(display_values(images)).permute(0, 3, 1, 2).contiguous()

        with ThreadPoolExecutor(max_workers=1) as reader:
            coming = reader.submit(read, parts[0])
            for part, following in zip(parts, [*parts[1:], None], strict=True):
                images = coming.result()
                if following is not None:
                    coming = reader.submit(read, following)
                yield part, images.to(self.device)

    def activations(
        self, rows: pd.DataFrame, progress: Callable[[int], None]
    ) -> Iterator[tuple[int, dict[str, torch.Tensor]]]:
        """Yield the number of each batch's first row, and the batch's activations by layer."""
        first = 0
        for part, images in self.batches(rows):
            names = [f"the image {name}" for name in part[schema.KEY]]
            yield first, finite_activations(self.model, images, names)
            first += len(part)
            progress(first)

    def classes(self, rows: pd.DataFrame) -> tuple[list[int], list[float]] | None:
        """Return the classes of images and their probabilities; None if the model has none."""
        if not self.model.has_labels:
            return None
        labels: list[int] = []
        probabilities: list[float] = []
        for _, images in self.batches(rows):
            if (found := self.model.classes(images)) is not None:
                labels += found[0].tolist()
                probabilities += found[1].tolist()
        return labels, probabilities


@torch.no_grad()
def embed_family(
    stimuli: StimulusSet,
    family: str,
    model: Model,
    rule: ScoringRule,
    device: str,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> FamilyResults:
    """Return a model's distances between the images of a family, and verdicts on its scenes.

    `rule` has the limits of a metamer; `progress` is called with (number of embedded images,
    number of images).
    """
    own, null = compared(stimuli.table, family), nulls(stimuli.table, family)
    total = len(own) + len(null)
    viewer = _Viewer(stimuli, model, device)
    stores = {layer: ActivationStore(len(own), stimuli.path.parent) for layer in model.layers}
    for first, activations in viewer.activations(own, lambda done: progress(done, total)):
        for layer, each in activations.items():
            stores[layer].put(first, each)
    place = {row: n for n, row in enumerate(own.index)}
    pairs = _null_pairs(stimuli.table, family, null, place)
    null_distances: dict[str, list[np.ndarray]] = {layer: [] for layer in model.layers}
    null_measures: list[Measures] = []
    for first, activations in viewer.activations(
        null, lambda done: progress(len(own) + done, total)
    ):
        flat = {k: each.flatten(start_dim=1).float().cpu() for k, each in activations.items()}
        batch = pairs[first : first + len(next(iter(flat.values())))]
        for layer, rows in flat.items():
            null_distances[layer] += _to_targets(rows.numpy(), stores[layer], batch)
        firsts = {layer: stores[layer].get([each[0] for each in batch]) for layer in flat}
        null_measures.append(measures(firsts, flat))
    verdicts = _verdicts(viewer, own, null, null_measures, stores, rule)
    layers = {
        layer: FamilyDistances(store.distances(), _padded(null_distances[layer]))
        for layer, store in stores.items()
    }
    return FamilyResults(layers, verdicts)


def _null_pairs(
    table: pd.DataFrame, family: str, null: pd.DataFrame, place: Mapping[Any, int]
) -> list[list[int]]:
    """Return, for each null image, the row numbers of its target images in the stores."""
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
    """Return the distances of null activations (B, D) from their target images."""
    return [
        np.clip(1 - standardised(store.get(targets).numpy()) @ row, 0, 2)
        for row, targets in zip(standardised(rows), pairs, strict=True)
    ]


def _padded(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Return rows of unequal length as one matrix, padded with NaN."""
    matrix = np.full((len(rows), max(map(len, rows), default=0)), np.nan, np.float32)
    for n, row in enumerate(rows):
        matrix[n, : len(row)] = row
    return matrix


def _verdicts(
    viewer: _Viewer,
    own: pd.DataFrame,
    null: pd.DataFrame,
    null_measures: Sequence[Measures],
    stores: Mapping[str, ActivationStore],
    rule: ScoringRule,
) -> list[dict[str, Any]]:
    """Apply the criterion to every scene of a family under each light; no rows without nulls."""
    if null.empty:
        return []
    of_nulls = {k: np.concatenate([each[k] for each in null_measures]) for k in null_measures[0]}
    place = {row: n for n, row in enumerate(own.index)}

    def activations(rows: Sequence[Any]) -> dict[str, torch.Tensor]:
        return {layer: store.get([place[row] for row in rows]) for layer, store in stores.items()}

    rows: list[dict[str, Any]] = []
    for light, images in own.groupby("light", sort=False):
        first_of, repeats = _target_images(images)
        cameras, firsts = list(first_of), list(first_of.values())
        target = activations(firsts)
        null_rows = _by_camera(null, null[null["light"] == light], cameras)
        held_out = images.drop_duplicates("camera").set_index("camera")["held_out"]
        classes = [viewer.classes(own.loc[each]) for each in (firsts, *repeats)]
        known = [each for each in classes if each is not None]
        labels, probabilities = (np.asarray([each[k] for each in known]) for k in (0, 1))
        reference = StoredReference(
            cameras,
            {str(camera): bool(held) for camera, held in held_out.items()},
            {name: values[null_rows] for name, values in of_nulls.items()},
            stacked([measures(target, activations(each)) for each in repeats]),
            labels if known else None,
            probabilities if known else None,
            rule,
            ";".join(viewer.model.layers),
        )
        for scene in _compared_scenes(images, cameras):
            similarity = measures(target, activations(scene.images))
            own_classes = viewer.classes(own.loc[list(scene.images)])
            rows += verdict_rows(scene, similarity, own_classes and own_classes[0], reference)
    names = viewer.model.class_names
    return [row | {"failed": with_class_names(row["failed"], names)} for row in rows]


def _target_images(images: pd.DataFrame) -> tuple[dict[str, Any], list[list[Any]]]:
    """Return the target's first image at each camera, and its other images.

    The images are rows of the table; each list of other images has one per camera.
    """
    scene = images[images["role"].isin(("target", "rerender"))].copy()
    scene["order"] = scene["role"] != "target"
    scene = scene.sort_values(["order", "noise_seed"], kind="stable")
    by_camera = {
        str(camera): list(rows.index) for camera, rows in scene.groupby("camera", sort=False)
    }
    firsts = {camera: rows[0] for camera, rows in by_camera.items()}
    count = min(len(rows) for rows in by_camera.values())
    return firsts, [[rows[k] for rows in by_camera.values()] for k in range(1, count)]


def _compared_scenes(family: pd.DataFrame, cameras: Sequence[str]) -> Iterator[ComparedScene]:
    """Yield every scene other than the target that has an image at each camera."""
    others = family[family["role"] != "target"]
    for _, rows in others.groupby(["run", "role", "level_index"], sort=False):
        images = rows.sort_values("noise_seed", kind="stable").drop_duplicates("camera")
        of_camera = dict(zip(images["camera"], images.index, strict=True))
        if set(cameras) <= set(of_camera):
            yield ComparedScene(rows.iloc[0], [of_camera[camera] for camera in cameras])


def _by_camera(null: pd.DataFrame, of_light: pd.DataFrame, cameras: Sequence[str]) -> np.ndarray:
    """Return the row numbers (N, C) of null images: one row per scene, one column per camera."""
    numbers = pd.Series(np.arange(len(null)), index=null.index)[of_light.index]
    table = of_light.assign(number=numbers).pivot_table(
        index="level_index", columns="camera", values="number"
    )
    return table[list(cameras)].dropna().to_numpy(np.intp)

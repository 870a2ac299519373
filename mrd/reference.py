"""What a result is measured against: null and ceiling of a target, built once and kept.

Both are rendered at scoring quality with the target's cameras and film, seen through the model,
and compared with one image of the target per camera. They are kept by content: everything that
they depend on enters the name of their file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from mrd import nulls
from mrd.config import SearchConfig
from mrd.criterion import MEASURES, Measures, measures, stacked
from mrd.render import Stage, display, noise_seed
from mrd.representation import texture_coordinates
from scenes.camera import Camera, cameras
from scenes.scene import Scene

if TYPE_CHECKING:
    from mrd.models.base import Model

VERSION = 1  # raise when a null or a ceiling would come out differently


@dataclass(frozen=True)
class Reference:
    """A target as the model sees it, with its null and ceiling.

    Attributes
    ----------
    views
        All cameras, training first.
    activations
        Layer → (C, …), of the target at scoring quality.
    labels
        Class labels (C,), or None.
    null, ceiling
        Measures of N null scenes (N, C) and of K re-renders (K, C).
    """

    views: tuple[Camera, ...]
    activations: dict[str, torch.Tensor]
    labels: torch.Tensor | None
    null: Measures
    ceiling: Measures


def seen(stage: Stage, views: Sequence[Camera], samples: int, index: int) -> torch.Tensor:
    """Display images (V, 3, H, W) at scoring quality, with the noise of a noise-seed index."""
    scene = stage.scene
    light = scene.lighting.kind
    seeds = [noise_seed(scene.sha256, view.name, light, index) for view in views]
    return display(stage.radiance(views, samples, seeds), scene.film)


@torch.no_grad()
def reference(
    target: Scene,
    search: SearchConfig,
    model: Model,
    seed: int,
    folder: Path,
    device: str,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Reference:
    """Null and ceiling of a represented target, read from ``folder`` or built.

    Parameters
    ----------
    target
        Loaded, represented, exposed.
    seed
        Of the null's draws.
    folder
        Where references are kept.
    device
        Of torch tensors.
    progress
        Told ("null" or "ceiling", done, of how many).
    """
    views = cameras(target.cameras)
    coordinates = texture_coordinates(search, target)
    stage = Stage(target, texture_coordinates=coordinates, device=device)
    samples = search.samples.score
    images = seen(stage, views, samples, index=0)
    activations = model.activations(images)
    labels = model.labels(images)

    key = _key(target, search, model, seed, coordinates)
    file = folder / f"{key}.npz"
    kept = _read(file)
    if kept is None:
        ceiling = []
        for k in range(search.criterion.ceiling):
            again = seen(stage, views, samples, index=1 + k)
            ceiling.append(measures(activations, model.activations(again)))
            progress("ceiling", k + 1, search.criterion.ceiling)
        null = []
        for n, rng in enumerate(np.random.default_rng(seed).spawn(search.criterion.null)):
            scene = nulls.null_scene(target, search, rng)
            other = Stage(scene, texture_coordinates=coordinates, device=device)
            image = seen(other, views, samples, index=0)
            null.append(measures(activations, model.activations(image)))
            progress("null", n + 1, search.criterion.null)
        kept = stacked(null), stacked(ceiling)
        _write(file, *kept)
    return Reference(views, activations, labels, *kept)


def _key(target: Scene, search: SearchConfig, model: Model, seed: int, coordinates: bool) -> str:
    """Name of a reference: all that its numbers depend on."""
    content = {
        "version": VERSION,
        "target": target.sha256,
        "attributes": sorted(search.attributes),
        "material_parameters": sorted(search.material_parameters),
        "texture_resolution": search.texture_resolution,
        "environment_height": search.environment_height,
        "texture_coordinates": coordinates,
        "samples": search.samples.score,
        "null": search.criterion.null,
        "ceiling": search.criterion.ceiling,
        "model": model.record(),
        "seed": seed,
    }
    text = json.dumps(content, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _read(file: Path) -> tuple[Measures, Measures] | None:
    if not file.exists():
        return None
    with np.load(file) as stored:
        return tuple(  # type: ignore[return-value]
            {name: stored[f"{group}/{name}"] for name in MEASURES} for group in ("null", "ceiling")
        )


def _write(file: Path, null: Measures, ceiling: Measures) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    beside = file.with_name(f"{file.stem}.part.npz")
    arrays = {f"null/{name}": null[name] for name in MEASURES}
    arrays |= {f"ceiling/{name}": ceiling[name] for name in MEASURES}
    np.savez(beside, **arrays)
    beside.replace(file)

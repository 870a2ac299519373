"""What a result is measured against: null and ceiling of a target, built once and kept.

Both are rendered at scoring quality with the target's cameras and film, seen through the model,
and compared with one image of the target per camera. They are kept by content: everything that
they depend on enters the name of their file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from filelock import FileLock

from mrd.criterion import null_scenes
from mrd.criterion.criterion import Measures, measures, stacked
from mrd.rendering.representation import form_of_family
from mrd.rendering.stage import Stage, display
from mrd.study.checkpoint import DamagedStateError, SearchState, read_state, write_state
from mrd.study.provenance import versions
from mrd.study.search_section import SearchConfig
from mrd.study.storage import writing
from scenes.camera import Camera, cameras
from scenes.lighting import SunSky
from scenes.scene import Scene

if TYPE_CHECKING:
    from mrd.models.base import Model
from mrd.models.trial import finite_activations

VERSION = 5  # raise when a null or a ceiling would come out differently (ranges of its draws, …)

LABELS = "labels"  # of the target's images, kept beside the measures of the ceiling


@dataclass(frozen=True)
class Reference:
    """A target as the model sees it, with its null and ceiling.

    Attributes
    ----------
    views
        All cameras, training first.
    radiance
        (C, 3, H, W), linear, of the target at scoring quality, noise index 0.
    activations
        Layer → (C, …), of these images: what a result is judged against.
    labels
        Classes of these images and of the K re-renders, (1 + K, C), or None.
    null, ceiling
        Measures of N null scenes (N, C) and of K re-renders (K, C).
    """

    views: tuple[Camera, ...]
    radiance: torch.Tensor
    activations: dict[str, torch.Tensor]
    labels: np.ndarray | None
    null: Measures
    ceiling: Measures


def seen(stage: Stage, views: Sequence[Camera], samples: int, index: int) -> torch.Tensor:
    """Display images (V, 3, H, W) at scoring quality, with the noise of a noise-seed index."""
    return display(stage.photographs(views, samples, index), stage.scene.film)


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
    form = form_of_family(search, target)
    stage = Stage(target, form=form, device=device)
    samples = search.samples.score
    radiance = stage.photographs(views, samples, index=0)
    images = display(radiance, target.film)

    def read(shown: torch.Tensor, what: str) -> dict[str, torch.Tensor]:
        names = [f"{what} of target '{target.name}' at camera {view.name}" for view in views]
        return finite_activations(model, shown, names)

    activations = read(images, "the image")

    def ceiling() -> dict[str, np.ndarray]:
        rows, labels = [], [model.labels(images)]
        for k in range(search.criterion.ceiling):
            again = seen(stage, views, samples, index=1 + k)
            rows.append(measures(activations, read(again, f"re-render {k + 1}")))
            labels.append(model.labels(again))
            progress("ceiling", k + 1, search.criterion.ceiling)
        return stacked(rows) | _rows_of(labels)

    def null() -> dict[str, np.ndarray]:
        rows = []
        for n, scene in enumerate(null_scenes.null_scenes(target, search, seed)):
            other = Stage(scene, form=form, device=device)
            shown = seen(other, views, samples, 0)
            rows.append(measures(activations, read(shown, f"null scene {n + 1}")))
            progress("null", n + 1, search.criterion.null)
        return stacked(rows)

    shared = {
        "version": VERSION,
        "libraries": versions(),
        "target": target.sha256,
        "form": asdict(form),
        "samples": samples,
        "model": model.record(),
    }
    drawn = {
        "attributes": sorted(search.attributes),
        "material_parameters": sorted(search.material_parameters),
        "texture_resolution": search.texture_resolution,
        "textures": sorted(search.textures),
        "environment_height": search.environment_height,
        "sky": _sky(search),
        "null": search.criterion.null,
        "seed": seed,
    }
    apart = _kept(folder, "null", shared | drawn, null)
    again = _kept(folder, "ceiling", shared | {"ceiling": search.criterion.ceiling}, ceiling)
    return Reference(
        views,
        radiance,
        activations,
        labels=again.pop(LABELS, None),
        null=apart,
        ceiling=again,
    )


def _rows_of(labels: Sequence[torch.Tensor | None]) -> dict[str, np.ndarray]:
    """Classes of several renders as one array, (renders, C); nothing where a model has none."""
    known = [each.cpu().numpy() for each in labels if each is not None]
    return {LABELS: np.stack(known)} if known else {}


@torch.no_grad()
def aim(
    target: Scene, search: SearchConfig, model: Model, views: Sequence[Camera], device: str
) -> dict[str, torch.Tensor]:
    """What a search moves toward: layer → activations of the target, one row a camera."""
    names = [f"a re-render of target '{target.name}' at camera {view.name}" for view in views]
    return finite_activations(model, aimed_at(target, search, views, device), names)


def aimed_at(
    target: Scene, search: SearchConfig, views: Sequence[Camera], device: str
) -> torch.Tensor:
    """Display images (V, 3, H, W) of the target that a search moves toward.

    They are of their own: no judgement shares their noise, so that fitted noise earns no match.
    """
    stage = Stage(target, form=form_of_family(search, target), device=device)
    return seen(stage, views, search.samples.score, index=1 + search.criterion.ceiling)


def _sky(search: SearchConfig) -> dict[str, object] | None:
    """What the null of a daylight search depends on beside its target."""
    sky = search.start.lighting
    if not isinstance(sky, SunSky):
        return None
    return {"start": sky.model_dump(mode="json"), "parameters": sorted(search.sky_parameters)}


def _kept(
    folder: Path,
    kind: str,
    content: Mapping[str, object],
    build: Callable[[], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Arrays from their file, or built and kept; a damaged file is built anew.

    Of several processes that want the same, one builds, and the others wait for its file.
    """
    text = json.dumps(content, sort_keys=True, default=str)
    file = folder / f"{kind}-{hashlib.sha256(text.encode()).hexdigest()[:16]}.npz"
    if (kept := _read(file)) is not None:
        return kept
    lock = FileLock(file.with_suffix(".lock"))  # the system frees it with its process
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        if (kept := _read(file)) is not None:
            return kept
        built = build()
        write_state(SearchState(0, built, {"content": text}), file)
        return built
    finally:
        lock.release()


def _read(file: Path) -> dict[str, np.ndarray] | None:
    """Arrays of a file; None where it is missing or damaged."""
    with suppress(DamagedStateError):
        return dict(read_state(file).arrays)
    return None

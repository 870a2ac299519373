"""Null and ceiling of a target: similarities with which that of a result is compared.

The null is the similarity of random scenes to the target, the ceiling that of re-renders of the
target. Both are rendered at scoring quality with the target's cameras and film, and compared with
one image of the target per camera. Each is stored in a file whose name is a hash of all its inputs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from filelock import FileLock

from mrd.criterion.bench import Bench, display_images
from mrd.criterion.criterion import Measures, measures, stacked
from mrd.criterion.null_scenes import null_scenes
from mrd.models.trial import finite_activations
from mrd.rendering.stage import display
from mrd.study.cache_key import CacheKey
from mrd.study.checkpoint import DamagedStateError, SearchState, read_state, write_state
from mrd.study.provenance import versions
from mrd.study.search_section import SearchConfig
from mrd.study.storage import writing
from scenes.camera import Camera, cameras
from scenes.lighting import SunSky
from scenes.scene import Scene

VERSION = 5  # raise it if the same inputs would give another null or ceiling

# Names of the target's classes and of their probabilities in the file of the ceiling.
LABELS, PROBABILITIES = "labels", "probabilities"


@dataclass(frozen=True)
class Reference:
    """A target's images, activations, null and ceiling.

    Attributes
    ----------
    views
        All cameras (C), training cameras first.
    radiance
        Linear radiance (C, 3, H, W) of the target at scoring quality, with noise index 0.
    activations
        Layer → activations (C, …) of these images.
    labels, probabilities
        Classes of these images and of the K re-renders, and the probability (softmax) of each,
        (1 + K, C); None without classes.
    null, ceiling
        Measures of N null scenes (N, C) and of K re-renders (K, C).
    """

    views: tuple[Camera, ...]
    radiance: torch.Tensor
    activations: dict[str, torch.Tensor]
    labels: np.ndarray | None
    probabilities: np.ndarray | None
    null: Measures
    ceiling: Measures


@torch.no_grad()
def reference(
    target: Scene,
    search: SearchConfig,
    bench: Bench,
    seed: int,
    folder: Path,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> Reference:
    """Return null and ceiling of a target, read from `folder`, or computed and stored there.

    The target has the representation of the search (`represented`), and its exposure is a number.
    `seed` draws the null scenes. `progress` is called with "null" or "ceiling", the number of
    finished renders, and their total.
    """
    views = cameras(target.cameras)
    stage = bench.stage(target)
    samples = search.samples.score
    radiance = stage.photographs(views, samples, index=0)
    images = display(radiance, target.film)

    def activations_of(rendered: torch.Tensor, what: str) -> dict[str, torch.Tensor]:
        names = [f"{what} of target '{target.name}' at camera {view.name}" for view in views]
        return finite_activations(bench.model, rendered, names)

    activations = activations_of(images, "the image")

    def ceiling() -> dict[str, np.ndarray]:
        rows, classes = [], [bench.model.classes(images)]
        for k in range(search.criterion.ceiling):
            rerender = display_images(stage, views, samples, noise=1 + k)
            rows.append(measures(activations, activations_of(rerender, f"re-render {k + 1}")))
            classes.append(bench.model.classes(rerender))
            progress("ceiling", k + 1, search.criterion.ceiling)
        known = [[part.cpu().numpy() for part in each] for each in classes if each is not None]
        named = (np.stack(part) for part in zip(*known, strict=True))
        return stacked(rows) | dict(zip((LABELS, PROBABILITIES), named, strict=False))

    def null() -> dict[str, np.ndarray]:
        rows = []
        for n, scene in enumerate(null_scenes(target, search, seed)):
            shown = display_images(bench.stage(scene), views, samples, noise=0)
            rows.append(measures(activations, activations_of(shown, f"null scene {n + 1}")))
            progress("null", n + 1, search.criterion.null)
        return stacked(rows)

    shared = {
        "libraries": versions(),
        "target": target.sha256,
        "form": asdict(bench.form),
        "samples": samples,
        "model": bench.model.record(),
    }
    drawn = {
        "attributes": sorted(search.attributes),
        "material_parameters": sorted(search.material_parameters),
        "texture_resolution": search.texture_resolution,
        "textures": sorted(search.textures),
        "environment_height": search.environment_height,
        "sky": _sky(search),
        **({"lamp": sorted(search.lamp_parameters)} if search.changes_lamp else {}),
        "null": search.criterion.null,
        "seed": seed,
    }
    null_measures = _cached(folder, "null", shared | drawn, null)
    ceiling_count = {"ceiling": search.criterion.ceiling}
    # Earlier versions stored no probabilities: their ceilings are measured again.
    parts = (LABELS, PROBABILITIES) if bench.model.has_labels else ()
    ceiling_measures = _cached(folder, "ceiling", shared | ceiling_count, ceiling, parts)
    labels, probabilities = (ceiling_measures.pop(name, None) for name in (LABELS, PROBABILITIES))
    return Reference(
        views, radiance, activations, labels, probabilities, null_measures, ceiling_measures
    )


@torch.no_grad()
def target_activations(
    target: Scene, search: SearchConfig, bench: Bench, views: Sequence[Camera]
) -> dict[str, torch.Tensor]:
    """Return layer → activations (V, …) of the target that a search moves toward."""
    names = [f"a re-render of target '{target.name}' at camera {view.name}" for view in views]
    return finite_activations(bench.model, target_images(target, search, bench, views), names)


def target_images(
    target: Scene, search: SearchConfig, bench: Bench, views: Sequence[Camera]
) -> torch.Tensor:
    """Return the display images (V, 3, H, W) of the target that a search moves toward.

    No image that is scored shares their noise, so that a fit to their noise does not raise the
    match.
    """
    noise = 1 + search.criterion.ceiling
    return display_images(bench.stage(target), views, search.samples.score, noise)


def _sky(search: SearchConfig) -> dict[str, object] | None:
    """Return the further inputs of the null if a sun and sky is searched, else None."""
    sky = search.start.lighting
    if not isinstance(sky, SunSky):
        return None
    return {"start": sky.model_dump(mode="json"), "parameters": sorted(search.sky_parameters)}


def _cached(
    folder: Path,
    kind: str,
    inputs: Mapping[str, object],
    build: Callable[[], dict[str, np.ndarray]],
    parts: Sequence[str] = (),
) -> dict[str, np.ndarray]:
    """Return arrays from their file; if it is missing, damaged or lacks `parts`, `build` them.

    If several processes need the same file, one builds it and the others wait.
    """
    key = CacheKey(inputs, VERSION)
    file = folder / f"{kind}-{key.digest[:16]}.npz"
    if (stored := _read(file, parts)) is not None:
        return stored
    lock = FileLock(file.with_suffix(".lock"))  # released by the system when its process ends
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        if (stored := _read(file, parts)) is not None:
            return stored
        built = build()
        write_state(SearchState(0, built, {"content": key.text}), file)
        return built
    finally:
        lock.release()


def _read(file: Path, parts: Sequence[str]) -> dict[str, np.ndarray] | None:
    """Return the arrays of a file; None if it is missing, damaged or lacks one of `parts`."""
    with suppress(DamagedStateError):
        arrays = dict(read_state(file).arrays)
        return arrays if arrays.keys() >= set(parts) else None
    return None

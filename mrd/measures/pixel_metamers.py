"""Make the pixel metamers of a finished run, at the match of its scene metamer.

For each camera that the search used, an image is synthesised with the same target image, model,
layers and loss as the search, until it has the match of the search's result. Held-out cameras get
none: an image of one view does not determine another view.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.bench import Bench
from mrd.criterion.class_names import with_class_names
from mrd.criterion.criterion import Verdict, match, measures
from mrd.criterion.null_and_ceiling import Reference, reference, target_images
from mrd.criterion.similarity import flattened, pearson
from mrd.criterion.verdict import training, verdict_over
from mrd.generate.one_run import prepared
from mrd.measures import pixel_files as files
from mrd.measures.pixel_synthesis import LEVELS, MOST_STEPS, in_levels, noise, synthesise
from mrd.models import registry
from mrd.models.base import Model
from mrd.rendering import image_files
from mrd.rendering.representation import form_of_family
from mrd.study.cache_key import CacheKey
from mrd.study.provenance import hardware, installed, versions
from mrd.study.run_directory import RunDirectory
from mrd.study.study import ResolvedRun
from scenes.base.errors import InputError
from scenes.scene import Scene
from stimuli.storage import one_writer

VERSION = 2  # raise when the pixel metamers of the same run change
MATCH_DIGITS = 4

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class _FinishedRun:
    """A run with its model, verdict, reference and folder."""

    run: ResolvedRun
    model: Model
    judgement: Mapping[str, Any]  # content of `criterion.json`
    reference: Reference  # null, ceiling and target activations of the search
    path: Path  # of the run directory

    @property
    def folder(self) -> Path:
        return self.path / files.FOLDER

    @property
    def cameras(self) -> list[str]:
        """Names of the cameras that the search used."""
        return [self.reference.views[c].name for c in training(self.reference.views)]


def make(
    run: ResolvedRun,
    runs: Path,
    device: str,
    progress: Progress = lambda *_: None,
    steps: int = MOST_STEPS,
) -> dict[str, Any]:
    """Make the missing pixel metamers of a run, and return the content of ``pixel_metamer.json``.

    `runs` is the folder of run directories, and `steps` the most steps of a synthesis.

    Raises
    ------
    InputError
        The search is not finished, its match is undefined at a camera, another process makes
        these pixel metamers, or a file cannot be written.
    """
    directory = RunDirectory(runs / run.name)
    folder = directory.path / files.FOLDER
    judgement = directory.judgement()
    if judgement is None:
        raise InputError(
            f"{directory.path}: its search is not finished; run mrd generate to resume it"
        )
    wanted = _matches(judgement, directory.path)
    inputs_of_images = {
        "run": run.name,
        "result": judgement["result"],
        # If a run is scored again, the last digits can differ; they do not matter to a synthesis.
        "match": {camera: round(each, MATCH_DIGITS) for camera, each in wanted.items()},
        "steps": steps,
    }
    inputs_of_record = {**inputs_of_images, **run.search.criterion.rule.record()}
    image_inputs = CacheKey(inputs_of_images, VERSION).digest
    record_inputs = CacheKey(inputs_of_record, VERSION).digest
    with one_writer(folder / files.RECORD):
        if record := files.finished(folder, record_inputs):
            return record
        model = registry.create(run.model, device)
        target, _ = prepared(run)
        bench = Bench(model, form_of_family(run.search, target), device)
        seed, references = run.record["seeds"]["study"], runs / "references"
        stored = reference(
            target, run.search, bench, seed, references,
            lambda what, done, total: progress(f"{run.name}: {what}", done, total),
        )  # fmt: skip
        finished = _FinishedRun(run, model, judgement, stored, directory.path)
        _synthesise(finished, target, bench, wanted, image_inputs, progress, steps)
        record = _record(finished, image_inputs, record_inputs)
        _write_preview(finished, record)
        files.write_json(folder / files.RECORD, record)
    return record


def _matches(judgement: Mapping[str, Any], path: Path) -> dict[str, float]:
    """Return the match of a search's result at each camera that it used."""
    match_at = {row["camera"]: row["match"] for row in judgement["training"]["cameras"]}
    for camera, value in match_at.items():
        if value is None:
            raise InputError(
                f"{path / 'criterion.json'}: the match at camera {camera} is undefined (no room "
                "between null and ceiling), so no pixel metamer can have it"
            )
    return match_at


def _synthesise(
    finished: _FinishedRun,
    target: Scene,
    bench: Bench,
    wanted: Mapping[str, float],
    inputs: str,
    progress: Progress,
    steps: int,
) -> None:
    """Synthesise and write the images of the cameras that have none yet."""
    run, stored, folder = finished.run, finished.reference, finished.folder
    views = [stored.views[c] for c in training(stored.views)]
    missing = [
        c for c, view in enumerate(views) if not files.read_camera(folder, view.name, inputs)
    ]
    if not missing:
        return
    images = target_images(target, run.search, bench, views)
    for c in missing:
        view = views[c]
        generator = run.generator(f"pixel metamer {view.name}")
        synthesis = synthesise(
            images[c : c + 1],
            noise((view.height, view.width), generator, bench.device),
            finished.model,
            run.search.loss,
            partial(_match_at, c, finished),
            wanted[view.name],
            steps=steps,
            progress=partial(progress, f"{run.name}: {view.name}"),
        )
        image_files.write_png(folder / f"{view.name}.png", synthesis.image)
        ended = {"step": synthesis.step, "reached": synthesis.reached}
        files.write_camera(folder, view.name, inputs, ended)


@torch.no_grad()
def _match_at(camera: int, finished: _FinishedRun, image: torch.Tensor) -> float:
    """Return the match of an image (1, 3, H, W) with the target image at a camera."""
    activations = finished.model.activations(image)
    stored = finished.reference
    similarity = np.mean(
        [
            float(pearson(flattened(rows[[camera]]), flattened(activations[layer])))
            for layer, rows in stored.activations.items()
        ]
    )
    null, ceiling = (each["pearson"][:, [camera]] for each in (stored.null, stored.ceiling))
    return float(match(np.array([similarity]), null, ceiling)[0])


@torch.no_grad()
def _verdict(finished: _FinishedRun, images: NDArray[np.uint8]) -> Verdict:
    """Apply the search's criterion to images (C, H, W, 3) at the cameras that it used."""
    stored, model = finished.reference, finished.model
    rows = training(stored.views)  # the training cameras come first
    shown = in_levels(images).to(next(iter(stored.activations.values())).device)
    target = {layer: each[: len(rows)] for layer, each in stored.activations.items()}
    similarity = measures(target, model.activations(shown))
    return verdict_over(finished.run.search, stored, similarity, model.labels(shown), rows)


def _record(finished: _FinishedRun, image_inputs: str, record_inputs: str) -> dict[str, Any]:
    """Return the content of ``pixel_metamer.json``: scene and pixel metamer at each camera."""
    run, judgement, folder = finished.run, finished.judgement, finished.folder
    names = finished.cameras
    pixel = np.stack([files.picture(folder / f"{name}.png") for name in names])
    target, scene = (files.rendered(finished.path, name, names) for name in ("target", "result"))
    verdict = _verdict(finished, pixel)
    rows = zip(
        judgement["training"]["cameras"],
        verdict.as_json()["cameras"],
        rms(target, scene),
        rms(target, pixel),
        strict=True,
    )
    return {
        "schema_version": files.SCHEMA_VERSION,
        "inputs": record_inputs,
        "run": run.name,
        "target": run.spec.target,
        "search": run.spec.search,
        "attribute": "+".join(run.search.attributes),
        "model": run.spec.model,
        "layer": ";".join(finished.model.layers),
        "result": judgement["result"],
        "scene_verdict": judgement["verdict"],
        "pixel_verdict": "metamer" if verdict.metamer else "result",
        "cameras": [
            {
                "camera": of_scene["camera"],
                "scene_match": of_scene["match"],
                "pixel_match": of_pixel["match"],
                "scene_rms": of_scene_rms,
                "pixel_rms": of_pixel_rms,
                "pixel_failed": with_class_names(of_pixel["failed"], finished.model.class_names),
                **(files.read_camera(folder, of_scene["camera"], image_inputs) or {}),
            }
            for of_scene, of_pixel, of_scene_rms, of_pixel_rms in rows
        ],
        "seeds": run.record["seeds"],
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions() | {"plenoptic": installed("plenoptic")},
        "hardware": hardware(),
    }


def rms(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> list[float]:
    """Return the RMS difference (C,) of 8-bit images (C, H, W, 3), where white is 1."""
    difference = (one.astype(np.float64) - other) / LEVELS
    return [float(value) for value in np.sqrt(np.square(difference).mean(axis=(1, 2, 3)))]


def _write_preview(finished: _FinishedRun, record: Mapping[str, Any]) -> None:
    """Draw target, scene metamer and pixel metamer of every camera, with their numbers."""
    cameras, folder = record["cameras"], finished.folder
    names = [row["camera"] for row in cameras]
    pixel = np.stack([files.picture(folder / f"{name}.png") for name in names])
    scene_captions, pixel_captions = (
        [f"match {row[f'{which}_match']:.3f}, RMS {row[f'{which}_rms']:.3f}" for row in cameras]
        for which in ("scene", "pixel")
    )
    image_files.write_comparison(
        folder / files.PREVIEW,
        {
            "target": (files.rendered(finished.path, "target", names), [""] * len(names)),
            f"scene {record['scene_verdict']}": (
                files.rendered(finished.path, "result", names),
                scene_captions,
            ),
            f"pixel {record['pixel_verdict']}": (pixel, pixel_captions),
        },
        [f"camera {name}" for name in names],
    )

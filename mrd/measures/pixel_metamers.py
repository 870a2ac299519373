"""The pixel metamers of a finished run, at the match of its scene metamer; made, judged and kept.

At every camera that the search saw: the same target image, model, layers and loss, and a synthesis
that ends at the match which the search's result has there. A camera that no search saw has none:
an image of one view says nothing of another.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from mrd.criterion.bench import Bench
from mrd.criterion.criterion import Verdict, match, measures
from mrd.criterion.null_and_ceiling import Reference, reference, target_images
from mrd.criterion.similarity import flattened, pearson
from mrd.criterion.verdict import training, verdict_over
from mrd.generate.one_run import prepared
from mrd.measures import pixel_files as files
from mrd.measures.pixel_synthesis import LEVELS, MOST_STEPS, in_levels, noise, synthesised
from mrd.models import registry
from mrd.models.base import Model
from mrd.rendering import image_files
from mrd.rendering.representation import form_of_family
from mrd.study.provenance import hardware, installed, versions
from mrd.study.run_directory import RunDirectory
from mrd.study.study import ResolvedRun
from scenes.base.errors import InputError
from scenes.scene import Scene
from stimuli.one_writer import one_writer

VERSION = 2  # raise when the same run would get other pixel metamers
MATCH_DIGITS = 4

Progress = Callable[[str, int, int], None]


def make(
    run: ResolvedRun,
    runs: Path,
    device: str,
    progress: Progress = lambda *_: None,
    steps: int = MOST_STEPS,
) -> dict[str, Any]:
    """Make the pixel metamers of a run, those that are not there yet.

    Parameters
    ----------
    run
        Whose search is done.
    runs
        Folder of the run directories.
    device
        Of torch tensors.
    progress
        Told (what, done, of how many).
    steps
        Of a synthesis, at most.

    Returns
    -------
    dict
        What ``pixel_metamer.json`` holds.

    Raises
    ------
    InputError
        The search is not done, its match is undefined at a camera, another process makes them, or
        a file cannot be written.
    """
    directory = RunDirectory(runs / run.name)
    folder = directory.path / files.FOLDER
    judgement = directory.judgement()
    if judgement is None:
        raise InputError(f"{directory.path}: its search is not done; mrd generate goes on with it")
    wanted = _matches(judgement, directory.path)
    made_of = {
        "version": VERSION,
        "run": run.name,
        "result": judgement["result"],
        # A judgement that is repeated differs in digits that no synthesis comes near.
        "match": {camera: round(each, MATCH_DIGITS) for camera, each in wanted.items()},
        "steps": steps,
    }
    inputs = files.digest(made_of)
    judged = files.digest({**made_of, "floor": run.search.criterion.floor})
    with one_writer(folder / files.RECORD):
        if record := files.finished(folder, judged):
            return record
        model = registry.create(run.model, device)
        target, _ = prepared(run)
        bench = Bench(model, form_of_family(run.search, target), device)
        against = _reference(run, target, bench, runs, progress)
        _synthesise(run, target, bench, against, wanted, folder, inputs, progress, steps)
        record = _record(run, model, against, judgement, folder, inputs, judged)
        _write_preview(directory.path, record)
        files.write_json(folder / files.RECORD, record)
    return record


def _matches(judgement: Mapping[str, Any], path: Path) -> dict[str, float]:
    """Match of a search's result at each camera that the search saw."""
    found = {row["camera"]: row["match"] for row in judgement["training"]["cameras"]}
    for camera, value in found.items():
        if value is None:
            raise InputError(
                f"{path / 'criterion.json'}: the match at camera {camera} is undefined (no room "
                "between null and ceiling), and no image can be brought to it"
            )
    return found


def _reference(
    run: ResolvedRun, target: Scene, bench: Bench, runs: Path, progress: Progress
) -> Reference:
    """Null and ceiling of the search, as they were kept, and the images that it was judged by."""
    return reference(
        target,
        run.search,
        bench,
        run.record["seeds"]["study"],
        runs / "references",
        lambda what, done, total: progress(f"{run.name}: {what}", done, total),
    )


def _synthesise(
    run: ResolvedRun,
    target: Scene,
    bench: Bench,
    against: Reference,
    wanted: Mapping[str, float],
    folder: Path,
    inputs: str,
    progress: Progress,
    steps: int,
) -> None:
    """Make the image of every camera whose image is not there."""
    views = [against.views[c] for c in training(against.views)]
    due = [c for c, view in enumerate(views) if not files.kept_camera(folder, view.name, inputs)]
    if not due:
        return
    images = target_images(target, run.search, bench, views)
    for c in due:
        view = views[c]
        ended = synthesised(
            images[c : c + 1],
            noise(
                (view.height, view.width),
                run.generator(f"pixel metamer {view.name}"),
                bench.device,
            ),
            bench.model,
            run.search.loss,
            partial(_match_at, c, against, bench.model),
            wanted[view.name],
            steps=steps,
            progress=partial(progress, f"{run.name}: {view.name}"),
        )
        image_files.write_png(folder / f"{view.name}.png", ended.image)
        files.write_camera(
            folder, view.name, inputs, {"step": ended.step, "reached": ended.reached}
        )


@torch.no_grad()
def _match_at(camera: int, against: Reference, model: Model, image: torch.Tensor) -> float:
    """Match of an image (1, 3, H, W) with the target's at a camera, by the search's own measure."""
    seen = model.activations(image)
    s = np.mean(
        [
            float(pearson(flattened(rows[[camera]]), flattened(seen[layer])))
            for layer, rows in against.activations.items()
        ]
    )
    null, ceiling = (kept["pearson"][:, [camera]] for kept in (against.null, against.ceiling))
    return float(match(np.array([s]), null, ceiling)[0])


@torch.no_grad()
def _verdict(
    run: ResolvedRun, model: Model, against: Reference, images: NDArray[np.uint8]
) -> Verdict:
    """The search's criterion, applied to the images (C, H, W, 3) of the cameras that it saw."""
    rows = training(against.views)  # the first ones
    shown = in_levels(images).to(next(iter(against.activations.values())).device)
    here = {layer: each[: len(rows)] for layer, each in against.activations.items()}
    similarity = measures(here, model.activations(shown))
    return verdict_over(run.search, against, similarity, model.labels(shown), rows)


def _record(
    run: ResolvedRun,
    model: Model,
    against: Reference,
    judgement: Mapping[str, Any],
    folder: Path,
    inputs: str,
    judged: str,
) -> dict[str, Any]:
    """What is kept of all cameras: both metamers by the same numbers, and how they were made."""
    path = folder.parent
    names = [against.views[c].name for c in training(against.views)]
    pixel = np.stack([files.picture(folder / f"{name}.png") for name in names])
    target, scene = (files.rendered(path, name, names) for name in ("target", "result"))
    verdict = _verdict(run, model, against, pixel)
    rows = zip(
        judgement["training"]["cameras"],
        verdict.as_json()["cameras"],
        rms(target, scene),
        rms(target, pixel),
        strict=True,
    )
    return {
        "schema_version": files.SCHEMA_VERSION,
        "inputs": judged,
        "run": run.name,
        "target": run.spec.target,
        "search": run.spec.search,
        "attribute": "+".join(run.search.attributes),
        "model": run.spec.model,
        "layer": ";".join(model.layers),
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
                "pixel_failed": of_pixel["failed"],
                **(files.kept_camera(folder, of_scene["camera"], inputs) or {}),
            }
            for of_scene, of_pixel, of_scene_rms, of_pixel_rms in rows
        ],
        "seeds": run.record["seeds"],
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": versions() | {"plenoptic": installed("plenoptic")},
        "hardware": hardware(),
    }


def rms(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> list[float]:
    """RMS difference of images (C, H, W, 3) of 8 bits, for each of them; white is 1."""
    difference = (one.astype(np.float64) - other) / LEVELS
    return [float(value) for value in np.sqrt(np.square(difference).mean(axis=(1, 2, 3)))]


def _write_preview(path: Path, record: Mapping[str, Any]) -> None:
    """Target, scene metamer and pixel metamer of every camera, with their numbers."""
    cameras: Sequence[Mapping[str, Any]] = record["cameras"]
    names = [row["camera"] for row in cameras]
    folder = path / files.FOLDER
    image_files.write_comparison(
        folder / files.PREVIEW,
        {
            "target": (files.rendered(path, "target", names), [""] * len(names)),
            f"scene {record['scene_verdict']}": (
                files.rendered(path, "result", names),
                [_caption(row, "scene") for row in cameras],
            ),
            f"pixel {record['pixel_verdict']}": (
                np.stack([files.picture(folder / f"{name}.png") for name in names]),
                [_caption(row, "pixel") for row in cameras],
            ),
        },
        [f"camera {name}" for name in names],
    )


def _caption(row: Mapping[str, Any], which: str) -> str:
    return f"match {row[f'{which}_match']:.3f}, RMS {row[f'{which}_rms']:.3f}"

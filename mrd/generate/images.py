"""Render the images of a family or of a run, and write one record for each image.

A family is a target with one search; its runs share the images of target and nulls.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mrd.generate import levels
from mrd.generate.aov_images import make_aovs
from mrd.generate.levels import Level, lit_targets, relit
from mrd.generate.one_run import prepared
from mrd.generate.progress import RunProgress
from mrd.rendering import image_files
from mrd.rendering.representation import form_of_family
from mrd.rendering.stage import Stage, display, noise_seed
from mrd.rendering.to_mitsuba import Form
from mrd.study import image_directory, image_plan
from mrd.study.image_directory import ImageDirectory
from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from mrd.study.series import ResolvedSeries
from mrd.study.series_section import OWN_LIGHT
from mrd.study.stored_scenes import SCENES_FOLDER
from scenes.base.digest import file_sha256
from scenes.camera import Camera, cameras
from scenes.differences import DISTANCE
from scenes.film import Film, encode
from scenes.pictures.files import read_picture
from scenes.scene import Scene
from scenes.scene_files import read_scene, write_shared_scene
from stimuli.encoding import clipped_share
from stimuli.intake import SHARED_ROLES, ImageRecord

NOISE_FLOOR_FILE = "noise_floor.json"
KINDS = ("radiance", "display")

# A re-render shows the target's scene; this offset gives it a noise index that no target image has.
RERENDER_OFFSET = 1 << 20

# Fields that determine an image; the other fields of a record describe it.
IDENTITY = (
    "scene",
    "camera",
    "renderer_seed",
    "samples",
    "texture_coordinates",
    "path_depth",
    "radiance_file",
    "display_file",
)
KNOWN_AFTER_RENDERING = ("clipped", "radiance_sha256", "display_sha256")

Shot = dict[str, Any]
"""The fields of an image's record that are known before it is rendered."""


@dataclass(frozen=True)
class _Images:
    """Facts that are the same for all images of one folder; `judgement` is None for a family."""

    study: str
    run: ResolvedRun
    series: ResolvedSeries
    form: Form
    judgement: Mapping[str, Any] | None

    @property
    def total(self) -> int:
        count = image_plan.count_of_family if self.judgement is None else image_plan.count_of_run
        return count(self.run)

    @property
    def layers(self) -> str:
        return ";".join((self.judgement or {}).get("model", {}).get("layers", ()))


def make_family(
    run: ResolvedRun, study: str, runs: Path, device: str, progress: RunProgress
) -> int:
    """Render the missing images that all runs of a family share; return the number of all."""
    directory = image_directory.of_family(runs, run.spec.family)
    requested = image_plan.inputs_of_family(run)

    def make() -> int:
        target, _ = prepared(run)
        lit = lit_targets(run, target)
        images = _images(run, study, target, None)
        scenes_of_family = levels.family_levels(run, target)
        records = _render_missing(directory, scenes_of_family, lit, images, device, progress)
        floor = noise_floor(directory.path, records, target.film, lit)
        directory.write_json(NOISE_FLOOR_FILE, floor)
        return len(records)

    return _make(directory, requested, make, progress)


def make_run(run: ResolvedRun, study: str, runs: Path, device: str, progress: RunProgress) -> int:
    """Render the missing images of a run whose search is done; return the number of all.

    Raise if the series is not possible (`levels.run_levels`).
    """
    directory = image_directory.of_run(runs, run.name)
    requested = image_plan.inputs_of_run(run)

    def make() -> int:
        searched = RunDirectory(runs / run.name)
        target = read_scene(searched.path / "target" / "scene.json")
        images = _images(run, study, target, searched.read_json("criterion.json"))
        progress.note("finding the levels")
        scenes_of_run = levels.run_levels(run, searched, images.series.config)
        lit = lit_targets(run, target)
        return len(_render_missing(directory, scenes_of_run, lit, images, device, progress))

    return _make(directory, requested, make, progress)


def _make(
    directory: ImageDirectory,
    requested: Mapping[str, Any],
    make: Callable[[], int],
    progress: RunProgress,
) -> int:
    """Call `make` unless all images exist; return the number of images."""
    directory.request(requested)
    if lost := directory.loss():
        progress.note(lost)
    with directory.claim(lambda: directory.is_done(requested, by_hash=True)) as has_work:
        if not has_work:
            return len(directory.finished())
        count = make()
        directory.finish(f"{count} images")
    return count


def noise_floor(
    folder: Path, records: Sequence[ImageRecord], film: Film, lit: dict[str, Scene]
) -> dict[str, Any]:
    """Return the RMS display difference of two renders that differ in noise alone.

    ``rms_display`` (display values run from 0 to 1) is over all pixels, channels and pairs of
    target and re-render; ``views`` contains it for each camera and light.
    """
    files = {
        (each.role, each.camera, each.light, each.noise_seed): folder / each.radiance_file
        for each in records
        if each.role in ("target", "rerender")
    }
    squares: dict[tuple[str, str], list[float]] = {}
    for (role, camera, light, index), path in files.items():
        if role == "target":
            pair = [
                encode(read_picture(each).pixels, lit[light].film)
                for each in (path, files["rerender", camera, light, index])
            ]
            squares.setdefault((camera, light), []).append(float(np.mean((pair[1] - pair[0]) ** 2)))
    means = {key: float(np.mean(values)) for key, values in squares.items()}
    return {
        "rms_display": float(np.sqrt(np.mean(list(means.values())))),
        "tone_curve": film.tone_curve,
        "views": [
            {"camera": camera, "light": light, "rms_display": float(np.sqrt(mean))}
            for (camera, light), mean in means.items()
        ],
    }


def _images(
    run: ResolvedRun, study: str, target: Scene, judgement: Mapping[str, Any] | None
) -> _Images:
    """Return the facts that are the same for all images of a folder."""
    form = form_of_family(run.search, target)
    return _Images(study, run, image_plan.series_of(run), form, judgement)


def _render_missing(
    directory: ImageDirectory,
    wanted: Sequence[Level],
    lit: dict[str, Scene],
    images: _Images,
    device: str,
    progress: RunProgress,
) -> list[ImageRecord]:
    """Render the images that do not exist yet; write the table of all images, and return it."""
    directory.end_torn_line()
    earlier = directory.finished()
    config, chosen = images.series.config, images.series.cameras
    records: list[ImageRecord] = []
    for level in wanted:
        for light, like in lit.items():
            scene = level.scene if light == OWN_LIGHT else relit(level.scene, like)
            views = [view for view in cameras(scene.cameras) if view.name in chosen]
            seeds = range(1 if level.role == "null" else config.noise_seeds)
            shots = [
                _shot(images, level, light, scene, view, seed) for view in views for seed in seeds
            ]
            records += _records(directory, scene, views, shots, earlier, images.form, device)
            progress.prepared("images", len(records), images.total)
    make_aovs(directory, wanted, chosen, images.series.aovs, config.samples)
    directory.publish(records, earlier.values())
    return records


def _shot(images: _Images, level: Level, light: str, scene: Scene, view: Camera, seed: int) -> Shot:
    """Return the columns of an image's record that are known before it is rendered."""
    run, spec, config = images.run, images.run.spec, images.series.config
    stem = f"{level.folder}/{view.name}_{light}_{seed}"
    sha256 = scene.sha256
    offset = RERENDER_OFFSET if level.role == "rerender" else 0
    shared = level.role in SHARED_ROLES
    judgement = None if shared or level.role == "control" else images.judgement
    distance = level.distances.get
    attributes = run.search.attributes
    return {
        "id": f"{spec.family if shared else run.name}/{stem}",
        "study": images.study,
        "family": spec.family,
        "run": None if shared else run.name,
        "target": spec.target,
        "search": spec.search,
        "attribute": "+".join(attributes),
        "model": None if shared else spec.model,
        "layers": None if shared else images.layers,
        "seed": None if shared else spec.seed,
        "role": level.role,
        "level": level.level,
        "level_index": level.index,
        "series_kind": None if shared else config.kind,
        "step": level.step,
        "distance_measure": DISTANCE[attributes[0]] if len(attributes) == 1 else "level",
        "physical_distance": _physical_distance(level),
        "distance_shape": distance("shape"),
        "distance_material": distance("material"),
        "distance_lighting": distance("lighting"),
        "distance_pose": distance("pose"),
        "distance_translation": level.translation if "pose" in level.distances else None,
        "verdict": judgement and judgement["verdict"],
        "match": judgement and judgement["training"]["match"],
        "camera": view.name,
        "held_out": view.held_out,
        "light": light,
        "noise_seed": seed,
        "renderer_seed": noise_seed(sha256, view.name, light, seed + offset),
        "samples": config.samples,
        "exposure": scene.film.fixed_exposure,
        "tone_curve": scene.film.tone_curve,
        "width": view.width,
        "height": view.height,
        "scene": sha256,
        "scene_file": f"{SCENES_FOLDER}/{sha256[:16]}.json",
        "texture_coordinates": images.form.texture_coordinates,
        "path_depth": images.form.path_depth,
        "radiance_file": f"{stem}.exr",
        "display_file": f"{stem}.png",
    }


def _physical_distance(level: Level) -> float | None:
    """Return the distance of the searched attribute; the level if several are searched."""
    if len(level.distances) == 1:
        return next(iter(level.distances.values()))
    return level.level


def _records(
    directory: ImageDirectory,
    scene: Scene,
    views: Sequence[Camera],
    shots: Sequence[Shot],
    earlier: dict[str, ImageRecord],
    form: Form,
    device: str,
) -> list[ImageRecord]:
    """Return the records of all images of one scene, after rendering those that are missing."""
    write_shared_scene(scene, directory.path / SCENES_FOLDER)
    records = {}
    for shot in shots:
        known = earlier.get(shot["id"])
        is_same = known and all(getattr(known, name) == shot[name] for name in IDENTITY)
        if known and is_same and directory.is_whole(known):
            after = {name: getattr(known, name) for name in KNOWN_AFTER_RENDERING}
            records[shot["id"]] = ImageRecord(**shot, **after)
    missing = [shot for shot in shots if shot["id"] not in records]
    for shot, after in render_shots(directory, scene, views, missing, form, device):
        records[shot["id"]] = ImageRecord(**shot, **after)
        directory.append(records[shot["id"]])
    return [records[shot["id"]] for shot in shots]


def render_shots(
    directory: ImageDirectory,
    scene: Scene,
    views: Sequence[Camera],
    shots: Sequence[Shot],
    form: Form,
    device: str,
) -> Iterator[tuple[Shot, dict[str, Any]]]:
    """Render images of a scene into files; yield each shot with the other fields of its record.

    A shot has at least camera, renderer_seed, samples, width, height and the two file names. The
    time that the renders took is added to the folder's timing file.
    """
    if not shots:
        return
    rig = {view.name: view for view in views}
    began, samples, pixels, size = time.perf_counter(), 0, 0, 0
    stage = Stage(scene, form=form, device=device)
    for shot in shots:
        linear = stage.radiance([rig[shot["camera"]]], shot["samples"], [shot["renderer_seed"]])
        yield shot, _write_image(directory.path, shot, linear, scene.film)
        size += sum((directory.path / shot[f"{kind}_file"]).stat().st_size for kind in KINDS)
        pixels += shot["width"] * shot["height"]
        samples += shot["samples"] * shot["width"] * shot["height"]
    seconds = time.perf_counter() - began
    directory.note_timing(samples=samples, pixels=pixels, seconds=seconds, bytes=size)


def _write_image(folder: Path, shot: Shot, linear: torch.Tensor, film: Film) -> dict[str, Any]:
    """Write the EXR and PNG of an image (1, 3, H, W); return the fields known only now."""
    radiance, shown = (folder / shot[f"{kind}_file"] for kind in KINDS)
    image_files.write_exr(radiance, linear[0])
    image_files.write_png(shown, image_files.to_bytes(display(linear, film))[0])
    return {
        "clipped": clipped_share(linear[0].permute(1, 2, 0).cpu().numpy(), film),
        "radiance_sha256": file_sha256(radiance),
        "display_sha256": file_sha256(shown),
    }

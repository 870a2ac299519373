"""The images of a family and of its runs, at psychophysical quality, each with its record.

Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mrd.generate import levels
from mrd.generate.levels import SCENES_FOLDER, Level, lit_targets, relit
from mrd.generate.one_run import prepared
from mrd.generate.progress import RunReport
from mrd.rendering import image_files
from mrd.rendering.representation import form_of_family
from mrd.rendering.stage import Stage, display, noise_seed
from mrd.rendering.to_mitsuba import Form
from mrd.study import image_directory, image_plan
from mrd.study.image_directory import ImageDirectory
from mrd.study.run_directory import RunDirectory
from mrd.study.series import ResolvedSeries
from mrd.study.series_section import OWN_LIGHT
from mrd.study.study import ResolvedRun
from scenes.base.digest import file_sha256
from scenes.camera import Camera, cameras
from scenes.differences import DISTANCE
from scenes.film import Film, encode
from scenes.pictures.files import read_picture
from scenes.scene import Scene, read_scene, write_shared_scene
from stimuli.encoding import clipped_share
from stimuli.intake import SHARED_ROLES, ImageRecord

NOISE_FLOOR_FILE = "noise_floor.json"

# The target rendered anew has the target's scene: its noise is that of indices far from any other.
AGAIN = 1 << 20


@dataclass(frozen=True)
class _Subject:
    """What all images of a folder have in common."""

    study: str
    run: ResolvedRun
    series: ResolvedSeries
    form: Form
    is_family: bool
    judgement: dict[str, Any] | None


def make_family(run: ResolvedRun, study: str, runs: Path, device: str, report: RunReport) -> int:
    """Make the images that all runs of a family share; returns their number.

    Parameters
    ----------
    run
        Any run of the family, with a series.
    study
        Name of the study.
    runs
        Folder of the run directories.
    device
        Of torch tensors.
    report
        Told of every image.
    """
    directory = image_directory.of_family(runs, run.spec.family)
    asked = image_plan.asked_of_family(run)
    directory.ask(asked)
    if lost := directory.loss():
        report.note(lost)
    with directory.claim(lambda: directory.is_done(asked, by_hash=True)) as is_due:
        if not is_due:
            return len(directory.finished())
        target, _ = prepared(run)
        lit = lit_targets(run, target)
        made = _made(
            directory,
            levels.family_levels(run, target),
            lit,
            _subject(run, study, target, None),
            device,
            report,
        )
        directory.write_json(NOISE_FLOOR_FILE, noise_floor(directory.path, made, target.film, lit))
        directory.finish(f"{len(made)} images")
    return len(made)


def make_run(run: ResolvedRun, study: str, runs: Path, device: str, report: RunReport) -> int:
    """Make the images of a run whose search is done; returns their number.

    Parameters
    ----------
    run, study, runs, device, report
        As for `make_family`.

    Raises
    ------
    InputError
        The series is not possible (`levels.run_levels`).
    """
    directory = image_directory.of_run(runs, run.name)
    asked = image_plan.asked_of_run(run)
    directory.ask(asked)
    if lost := directory.loss():
        report.note(lost)
    searched = RunDirectory(runs / run.name)
    target = read_scene(searched.path / "target" / "scene.json")
    subject = _subject(run, study, target, searched.read_json("criterion.json"))
    with directory.claim(lambda: directory.is_done(asked, by_hash=True)) as is_due:
        if not is_due:
            return len(directory.finished())
        report.note("finding the levels")
        found = levels.run_levels(run, searched, subject.series.config)
        made = _made(directory, found, lit_targets(run, target), subject, device, report)
        directory.finish(f"{len(made)} images")
    return len(made)


def noise_floor(
    folder: Path, records: Sequence[ImageRecord], film: Film, lit: dict[str, Scene]
) -> dict[str, Any]:
    """Root mean square display difference of two renders of the target, alike but for noise.

    Parameters
    ----------
    folder
        Of the images.
    records
        Of a family.
    film
        Of the target.
    lit
        The target under every light.

    Returns
    -------
    dict
        ``rms_display`` (display values run from 0 to 1), over all pixels, channels and pairs of
        target and re-render; and the same for every camera and light.
    """
    shown = {
        (each.role, each.camera, each.light, each.noise_seed): folder / each.radiance_file
        for each in records
        if each.role in ("target", "rerender")
    }
    squares: dict[tuple[str, str], list[float]] = {}
    for (role, camera, light, index), path in shown.items():
        if role == "target":
            pair = [
                encode(read_picture(each).pixels, lit[light].film)
                for each in (path, shown["rerender", camera, light, index])
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


def _subject(
    run: ResolvedRun, study: str, target: Scene, judgement: dict[str, Any] | None
) -> _Subject:
    form = form_of_family(run.search, target)
    return _Subject(study, run, image_plan.series_of(run), form, judgement is None, judgement)


def _made(
    directory: ImageDirectory,
    found: Sequence[Level],
    lit: dict[str, Scene],
    subject: _Subject,
    device: str,
    report: RunReport,
) -> list[ImageRecord]:
    """Make all images that are not there yet, and write the table of all."""
    directory.mend()
    earlier = directory.finished()
    config, chosen = subject.series.config, subject.series.cameras
    records: list[ImageRecord] = []
    count = image_plan.of_family if subject.is_family else image_plan.of_run
    total = count(subject.run)
    for level in found:
        for light, like in lit.items():
            scene = level.scene if light == OWN_LIGHT else relit(level.scene, like)
            views = [view for view in cameras(scene.cameras) if view.name in chosen]
            seeds = range(1 if level.role == "null" else config.noise_seeds)
            shots = [
                _shot(subject, level, light, scene, view, seed) for view in views for seed in seeds
            ]
            records += _photographed(directory, scene, views, shots, earlier, subject.form, device)
            report.prepared("images", len(records), total)
    directory.publish(records, earlier.values())
    return records


def _shot(
    subject: _Subject, level: Level, light: str, scene: Scene, view: Camera, seed: int
) -> dict[str, Any]:
    """Every column of an image's record that is known before it is rendered."""
    run, spec = subject.run, subject.run.spec
    folder = (
        level.role if level.role in ("target", "rerender") else f"{level.role}-{level.index:03d}"
    )
    stem = f"{folder}/{view.name}_{light}_{seed}"
    sha256 = scene.sha256
    again = AGAIN if level.role == "rerender" else 0
    shared = level.role in SHARED_ROLES
    searched = None if shared or level.role == "control" else subject.judgement
    of = level.distances.get
    return {
        "id": f"{spec.family if shared else run.name}/{stem}",
        "study": subject.study,
        "family": spec.family,
        "run": None if shared else run.name,
        "target": spec.target,
        "search": spec.search,
        "attribute": "+".join(run.search.attributes),
        "model": None if shared else spec.model,
        "layers": None if shared else _layers(subject),
        "seed": None if shared else spec.seed,
        "role": level.role,
        "level": level.level,
        "level_index": level.index,
        "series_kind": None if shared else subject.series.config.kind,
        "step": level.step,
        "distance_measure": _measure(run),
        "physical_distance": _physical_distance(level),
        "distance_shape": of("shape"),
        "distance_material": of("material"),
        "distance_lighting": of("lighting"),
        "distance_pose": of("pose"),
        "distance_translation": level.translation if "pose" in level.distances else None,
        "verdict": searched and searched["verdict"],
        "match": searched and searched["training"]["match"],
        "camera": view.name,
        "held_out": view.held_out,
        "light": light,
        "noise_seed": seed,
        "renderer_seed": noise_seed(sha256, view.name, light, seed + again),
        "samples": subject.series.config.samples,
        "exposure": scene.film.fixed_exposure,
        "tone_curve": scene.film.tone_curve,
        "width": view.width,
        "height": view.height,
        "scene": sha256,
        "scene_file": f"{SCENES_FOLDER}/{sha256[:16]}.json",
        "texture_coordinates": subject.form.texture_coordinates,
        "path_depth": subject.form.path_depth,
        "radiance_file": f"{stem}.exr",
        "display_file": f"{stem}.png",
    }


# What makes two renders the same image; all else in a record is said about it.
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
MADE = ("clipped", "radiance_sha256", "display_sha256")


def _photographed(
    directory: ImageDirectory,
    scene: Scene,
    views: Sequence[Camera],
    shots: Sequence[dict[str, Any]],
    earlier: dict[str, ImageRecord],
    form: Form,
    device: str,
) -> list[ImageRecord]:
    """Records of all images of a scene; what is there is not rendered again."""
    write_shared_scene(scene, directory.path / SCENES_FOLDER)
    whole = {}
    for shot in shots:
        known = earlier.get(shot["id"])
        if known and _is_same(known, shot) and directory.is_whole(known):
            whole[shot["id"]] = ImageRecord(**shot, **{name: getattr(known, name) for name in MADE})
    due = [shot for shot in shots if shot["id"] not in whole]
    for shot, made in photographed(directory, scene, views, due, form, device):
        whole[shot["id"]] = ImageRecord(**shot, **made)
        directory.append(whole[shot["id"]])
    return [whole[shot["id"]] for shot in shots]


def photographed(
    directory: ImageDirectory,
    scene: Scene,
    views: Sequence[Camera],
    shots: Sequence[dict[str, Any]],
    form: Form,
    device: str,
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """Render images of one scene into their files.

    Parameters
    ----------
    directory
        Where to; it is told how fast it went.
    scene, form
        What is rendered, and the form of its family.
    views
        The cameras.
    shots
        Of each image at least camera, renderer_seed, samples, width, height and the two files.
    device
        Of torch tensors.

    Yields
    ------
    tuple
        The shot, and what of its record is only known now.
    """
    if not shots:
        return
    rig = {view.name: view for view in views}
    began, samples, pixels, size = time.perf_counter(), 0, 0, 0
    stage = Stage(scene, form=form, device=device)
    for shot in shots:
        linear = stage.radiance([rig[shot["camera"]]], shot["samples"], [shot["renderer_seed"]])
        yield shot, _written(directory.path, shot, linear, scene.film)
        size += sum((directory.path / shot[f"{kind}_file"]).stat().st_size for kind in KINDS)
        pixels += shot["width"] * shot["height"]
        samples += shot["samples"] * shot["width"] * shot["height"]
    seconds = time.perf_counter() - began
    directory.note_timing(samples=samples, pixels=pixels, seconds=seconds, bytes=size)


KINDS = ("radiance", "display")


def _written(
    folder: Path, shot: dict[str, Any], linear: torch.Tensor, film: Film
) -> dict[str, Any]:
    """Write both files of an image (1, 3, H, W); returns what of its record is now known."""
    radiance, shown = (folder / shot[f"{kind}_file"] for kind in KINDS)
    image_files.write_exr(radiance, linear[0])
    image_files.write_png(shown, image_files.to_bytes(display(linear, film))[0])
    return {
        "clipped": clipped_share(linear[0].permute(1, 2, 0).cpu().numpy(), film),
        "radiance_sha256": file_sha256(radiance),
        "display_sha256": file_sha256(shown),
    }


def _is_same(known: ImageRecord, shot: dict[str, Any]) -> bool:
    return all(getattr(known, name) == shot[name] for name in IDENTITY)


def _layers(subject: _Subject) -> str:
    judgement = subject.judgement or {}
    return ";".join(judgement.get("model", {}).get("layers", ()))


def _measure(run: ResolvedRun) -> str:
    attributes = run.search.attributes
    return DISTANCE[attributes[0]] if len(attributes) == 1 else "level"


def _physical_distance(level: Level) -> float | None:
    """One number: the distance of a single attribute; the level where there are several."""
    if len(level.distances) == 1:
        return next(iter(level.distances.values()))
    return level.level

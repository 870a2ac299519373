"""One run, from a resolved search to a scored result on disk.

It exposes and represents the target, measures null and ceiling, searches, scores the result with
independent noise, measures the physical difference, and draws previews.
Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mrd.criterion.criterion import match
from mrd.criterion.null_and_ceiling import Reference, aim, reference, seen
from mrd.criterion.verdict import judged, training
from mrd.generate.progress import RunProgress
from mrd.models import registry
from mrd.models.base import Model
from mrd.models.classifier import Classifier
from mrd.rendering import image_files
from mrd.rendering.representation import form_of_family, represented, start_scene
from mrd.rendering.stage import Stage, display, exposed
from mrd.rendering.to_mitsuba import Form
from mrd.search.constrained import ConstrainedSearch
from mrd.search.diverge import Divergence
from mrd.search.flip import Flip
from mrd.search.flip_result import own_classes
from mrd.search.loop import Search
from mrd.search.result import found
from mrd.search.variables.shape import extent_of
from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from mrd.study.series import is_kept
from scenes.camera import Camera, Ring, cameras
from scenes.scene import Scene, write_scene
from scenes.shape import geometry

TURNTABLE_SAMPLES = 16


def make(run: ResolvedRun, runs: Path, device: str, progress: RunProgress) -> dict[str, Any]:
    """Carry out or resume a run; return the content of `criterion.json`."""
    directory = RunDirectory(runs / run.name)
    directory.create(run.record)
    if lost := directory.loss():
        progress.note(lost)

    def is_done() -> bool:
        return directory.status() == "done" and run.has_floor_of(directory.judgement() or {})

    with directory.claim(is_done) as has_work:
        if not has_work:
            return directory.judgement() or {}
        model = registry.create(run.model, device)
        target, start = prepared(run)
        write_scene(target, directory.path / "target")
        write_scene(start, directory.path / "start")
        against = reference(
            target,
            run.search,
            model,
            run.record["seeds"]["study"],
            runs / "references",
            device,
            progress.prepared,
        )
        search = _searched(run, target, start, against, model, directory, device, progress)
        form = form_of_family(run.search, target)
        result, more = found(run, target, search, against, model, form, device)
        write_scene(result, directory.path / "result")
        radiance = {"target": against.radiance}
        for name, scene in (("start", start), ("result", result)):
            stage = Stage(scene, form=form, device=device)
            radiance[name] = stage.photographs(against.views, run.search.samples.score, index=0)
        images = {name: display(linear, target.film) for name, linear in radiance.items()}
        judgement = judged(run, target, result, images["result"], against, model) | more
        directory.write_json("criterion.json", judgement)
        progress.note("drawing previews")
        for name in images:
            _write_renders(directory.path / "renders", name, against.views, radiance, images)
        _write_preview(run, directory, images, judgement, against.views)
        _write_turntable(directory.path / "turntable.mp4", [target, result], form, device)
        directory.finish(judgement["verdict"])
    return judgement


def prepared(run: ResolvedRun) -> tuple[Scene, Scene]:
    """Return target and start, exposed on the target, in the search's representation."""
    family = exposed(run.target)
    target = represented(family, run.search)
    return target, start_scene(target, run.starts, run.search)


def _searched(
    run: ResolvedRun,
    target: Scene,
    start: Scene,
    against: Reference,
    model: Model,
    directory: RunDirectory,
    device: str,
    progress: RunProgress,
) -> Search:
    """Return the search, resumed at its newest state and run to its end."""
    train = training(against.views)
    views = [against.views[c] for c in train]
    kind: Callable[..., Search] = Search
    mover = model
    if run.search.mode == "diverge":
        null, ceiling = (each["pearson"][:, train] for each in (against.null, against.ceiling))
        kind = partial(Divergence, null=null.mean(axis=0), ceiling=ceiling.mean(axis=0))
    elif run.search.mode == "flip":
        mover = Classifier(model)
        own = own_classes(against)
        kind = partial(Flip, own=[own[c] for c in train], label=run.search.label)
    elif run.model.guides:
        mover = registry.create(run.model.guided(model.layer_weights), device)
    search = kind(
        start,
        aim(target, run.search, mover, views, device),
        views,
        mover,
        run.search,
        run.generator("search"),
        judged=model.layers,
        form=form_of_family(run.search, target),
        extent=extent_of(geometry(target.shape)),
        match=_match_of(against, train),
        device=device,
    )
    state, problems = directory.newest_state()
    for problem in problems:
        progress.note(problem)
    if state is not None:
        search.resume(state)
        progress.note(f"resuming from step {state.step}")
    directory.rewind(search.finished)
    if state is None:
        directory.save_state(search.state(), keep=True)
    match_of = _match_of(against, train)
    try:
        for step in search.steps():
            row = {
                "step": step.step,
                "seconds": step.seconds,
                "loss": step.loss,
                "s": step.s,
                "match": float(match_of(step.s)),
            }
            if isinstance(search, ConstrainedSearch):
                row["distance"] = search.distance()
            directory.append_history(row)
            progress.step(row)
            while search.notes:
                progress.note(search.notes.pop(0))
            keep = is_kept(step.step % run.search.steps) or step.step == search.total
            if keep or step.step % run.search.save_every == 0:
                directory.save_state(search.state(), keep=keep)
    except FloatingPointError as error:
        raise FloatingPointError(
            f"{error}; searches.{run.spec.search} would fail again: give it a smaller "
            f"learning_rate, more samples or another loss, or models.{run.spec.model} other layers"
        ) from error
    return search


def _match_of(against: Reference, train: Sequence[int]) -> Callable[[float], float]:
    """Return match as a function of similarity, with null and ceiling of the training cameras."""
    null, ceiling = (
        measured["pearson"][:, train].mean(axis=1, keepdims=True)
        for measured in (against.null, against.ceiling)
    )
    return lambda s: float(match(np.array([s]), null, ceiling)[0])


def _write_renders(
    folder: Path,
    name: str,
    views: Sequence[Camera],
    radiance: dict[str, torch.Tensor],
    images: dict[str, torch.Tensor],
) -> None:
    """Write a linear EXR and a display PNG for every camera."""
    shown = image_files.to_bytes(images[name])
    for view, linear, image in zip(views, radiance[name], shown, strict=True):
        image_files.write_exr(folder / f"{name}_{view.name}.exr", linear)
        image_files.write_png(folder / f"{name}_{view.name}.png", image)


def _write_preview(
    run: ResolvedRun,
    directory: RunDirectory,
    images: dict[str, torch.Tensor],
    judgement: dict[str, Any],
    views: Sequence[Camera],
) -> None:
    """Draw target, start and result at every camera, with the curves of the search."""
    matches = {
        entry["camera"]: entry["match"]
        for group in ("training", "held_out")
        for entry in judgement[group]["cameras"]
    }
    image_files.write_preview(
        directory.path / "preview.png",
        f"{run.spec.label}: {judgement['verdict']}, match {judgement['training']['match']:.2f}",
        images,
        views,
        matches,
        directory.history(),
        run.search.criterion.floor,
    )


def _write_turntable(path: Path, sides: Sequence[Scene], form: Form, device: str) -> None:
    """Write a video of target and result side by side, from a camera that circles them."""
    rig = sides[0].cameras
    around = Ring(
        count=image_files.TURNTABLE_FRAMES,
        elevation=getattr(rig, "elevation", Ring().elevation),
        distance=rig.distance,
        field_of_view=rig.field_of_view,
        resolution=rig.resolution,
        target=rig.target,
    )
    views = cameras(around)
    films = []
    for scene in sides:
        turned = scene.model_copy(update={"cameras": around})
        stage = Stage(turned, form=form, device=device)
        films.append(seen(stage, views, TURNTABLE_SAMPLES, index=0))
    image_files.write_turntable(path, films)

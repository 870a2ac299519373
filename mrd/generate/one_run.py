"""One run, from a resolved search to a scored result on disk.

It exposes and represents the target, measures null and ceiling, searches, scores the result with
independent noise, measures the physical difference, and draws previews.
Import this module only after ``mrd.rendering.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mrd.criterion.bench import Bench, display_images
from mrd.criterion.class_names import score_with_class_names
from mrd.criterion.null_and_ceiling import reference
from mrd.criterion.recovery import outcome
from mrd.criterion.verdict import Scorer, mean_match, training
from mrd.generate.progress import RunProgress
from mrd.models import registry
from mrd.rendering import image_files
from mrd.rendering.representation import form_of_family, represented, start_scene
from mrd.rendering.stage import display, exposed
from mrd.search.loop import Search
from mrd.search.loss import check_targets
from mrd.search.modes import mode_of
from mrd.search.soft_phase import search_targets, soft_phases
from mrd.search.variables.shape import extent_of
from mrd.study.resolved_run import ResolvedRun
from mrd.study.run_directory import RunDirectory
from mrd.study.series import is_kept
from scenes.camera import Camera, Ring, cameras
from scenes.contacts import contacts
from scenes.scene import ENVIRONMENT, Scene
from scenes.scene_files import write_scene
from scenes.shape import geometry

TURNTABLE_SAMPLES = 16


def make(run: ResolvedRun, runs: Path, device: str, progress: RunProgress) -> dict[str, Any]:
    """Carry out or resume a run; return the content of `criterion.json`."""
    directory = RunDirectory(runs / run.name)
    directory.create(run.record)
    if lost := directory.loss():
        progress.note(lost)

    def is_done() -> bool:
        done = directory.status() == "done"
        return done and not run.changed_rule(directory.judgement() or {})

    with directory.claim(is_done) as has_work:
        if not has_work:
            return directory.judgement() or {}
        target, start = prepared(run)
        model = registry.create(run.model, device)
        bench = Bench(model, form_of_family(run.search, target), device)
        write_scene(target, directory.path / "target")
        write_scene(start, directory.path / "start")
        against = reference(
            target,
            run.search,
            bench,
            run.record["seeds"]["study"],
            runs / "references",
            progress.prepared,
        )
        scorer = Scorer(run, target, against, bench)
        search = _searched(scorer, start, directory, progress)
        result, more = search.mode.result(search, scorer)
        write_scene(result, directory.path / "result")
        parts = searched_parts(result)
        for warning in (*search.health.check_mesh(geometry(result.shape)), *collisions(parts)):
            progress.note(f"result: {warning}")
        radiance = {"target": against.radiance}
        for name, scene in (("start", start), ("result", result)):
            stage = bench.stage(scene)
            radiance[name] = stage.photographs(against.views, run.search.samples.score, index=0)
        images = {name: display(linear, target.film) for name, linear in radiance.items()}
        judgement = scorer.score(result, images["result"]) | more | parts
        judgement["warnings"] = search.health.warnings(judgement["training"]["metamer"])
        judgement = score_with_class_names(judgement, model.class_names)
        directory.write_json("criterion.json", judgement)
        progress.note("drawing previews")
        for name in images:
            _write_renders(directory.path / "renders", name, against.views, radiance, images)
        _write_preview(run, directory, images, judgement, against.views)
        _write_turntable(directory.path / "turntable.mp4", [target, result], bench)
        directory.finish(judgement["verdict"])
    return judgement


def searched_parts(scene: Scene) -> dict[str, Any]:
    """Return which object and which light were searched, and contacts with other objects.

    Empty for a scene of one object in the light of its environment.
    """
    found: dict[str, Any] = {}
    if scene.others:
        found |= {"object": scene.object, "contacts": contacts(scene)}
    if scene.light != ENVIRONMENT:
        found["light"] = scene.light
    return found


def collisions(parts: dict[str, Any]) -> list[str]:
    """Return a sentence for each other object that the searched object passes through."""
    return [
        f"the object '{parts['object']}' passes through '{each['object']}'"
        for each in parts.get("contacts", ())
        if each["intersects"]
    ]


def prepared(run: ResolvedRun) -> tuple[Scene, Scene]:
    """Return target and start as the search uses them: represented, with the target's exposure."""
    family = exposed(run.target)
    target = represented(family, run.search)
    return target, start_scene(target, run.starts, run.search)


def _searched(
    scorer: Scorer, start: Scene, directory: RunDirectory, progress: RunProgress
) -> Search:
    """Run the search to its end, from its newest saved state if there is one, and return it."""
    run, target, against = scorer.run, scorer.target, scorer.against
    seen = training(against.views)
    views = [against.views[c] for c in seen]
    # A shape search reads its own target late: what is wrong with it has to show now.
    check_targets(run.search.loss, {k: each[seen] for k, each in against.activations.items()})
    state, problems = directory.newest_state()
    for problem in problems:
        progress.note(problem)
    mode = mode_of(run.search, against, progress.prepared, state)
    bench = replace(scorer.bench, model=mode.model(run.model, scorer.bench))
    search = Search(
        start,
        search_targets(target, run.search, bench, views),
        views,
        bench,
        run.search,
        run.generator("search"),
        mode,
        scored=scorer.bench.model.layers,
        extent=extent_of(geometry(target.shape)),
        soft=soft_phases(target, run.search, bench, views),
    )
    if state is not None and not mode.can_resume(state):
        progress.note(
            f"{directory.state_path(state.step)} is from an earlier version of "
            f"mode: {run.search.mode} and cannot be resumed; the search starts again"
        )
        state = None
    if state is not None:
        search.resume(state)
        progress.note(f"resuming from step {state.step}")
    directory.rewind(search.finished)
    if state is None:
        directory.save_state(search.state(), keep=True)
    match = mean_match(against)
    try:
        for step in search.steps():
            row = {
                "step": step.step,
                "seconds": step.seconds,
                "loss": step.loss,
                "s": step.s,
                "match": match(step.s),
                **mode.history(search),
            }
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
        f"{run.spec.label}: {outcome(judgement)}, match {judgement['training']['match']:.2f}",
        images,
        views,
        matches,
        directory.history(),
        run.search.criterion.floor,
    )


def _write_turntable(path: Path, sides: Sequence[Scene], bench: Bench) -> None:
    """Write a video of target and result side by side, from a camera that goes around them."""
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
        films.append(display_images(bench.stage(turned), views, TURNTABLE_SAMPLES, noise=0))
    image_files.write_turntable(path, films)

"""One run, from a resolved search to a judged result on disk.

The order is that of a method section: expose and represent the target, measure null and ceiling,
search, judge the result with fresh noise, measure the physical difference, show it.
Import this module only after ``mrd.backend.activate()``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mrd import pictures
from mrd.config.search import SearchConfig
from mrd.control_reach import control_reach
from mrd.criterion import Measures, Verdict, judge, match, measures, target_again
from mrd.diverge import Divergence
from mrd.models import registry
from mrd.models.base import Model
from mrd.reach import widest
from mrd.reference import Reference, aim, reference, seen
from mrd.render import Stage, display, exposed
from mrd.report import RunReport
from mrd.representation import form_of_family, represented, start_scene
from mrd.run import RunDirectory
from mrd.search import Search
from mrd.series import is_kept
from mrd.study import ResolvedRun
from mrd.to_mitsuba import Form
from mrd.variables.shape import extent_of
from mrd.widening import UNIT
from scenes.camera import Camera, Ring, cameras
from scenes.differences import scene_difference
from scenes.scene import Scene, write_scene
from scenes.shape import geometry

TURNTABLE_SAMPLES = 16


def make(run: ResolvedRun, runs: Path, device: str, report: RunReport) -> dict[str, Any]:
    """Carry a run out, or on from where it was stopped; returns what `criterion.json` holds.

    Parameters
    ----------
    run
        The resolved run.
    runs
        Folder of the run directories; references are kept in its folder ``references``.
    device
        Of torch tensors.
    report
        Told of every step.
    """
    directory = RunDirectory(runs / run.name)
    directory.create(run.record)
    if lost := directory.loss():
        report.note(lost)
    with directory.claim():
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
            report.prepared,
        )
        search = _searched(run, target, start, against, model, directory, device, report)
        form = form_of_family(run.search, target)
        result, found = _found(run, target, search, against, model, form, device)
        write_scene(result, directory.path / "result")
        radiance = {"target": against.radiance}
        for name, scene in (("start", start), ("result", result)):
            stage = Stage(scene, form=form, device=device)
            radiance[name] = stage.photographs(against.views, run.search.samples.score, index=0)
        images = {name: display(linear, target.film) for name, linear in radiance.items()}
        judgement = _judged(run, target, result, images["result"], against, model) | found
        directory.write_json("criterion.json", judgement)
        report.note("drawing previews")
        for name in images:
            _write_renders(directory.path / "renders", name, against.views, radiance, images)
        _write_preview(run, directory, images, judgement, against.views)
        _write_turntable(directory.path / "turntable.mp4", [target, result], form, device)
        directory.finish(judgement["verdict"])
    return judgement


def prepared(run: ResolvedRun) -> tuple[Scene, Scene]:
    """Target and start: exposed once on the target, and in the search's one representation."""
    family = exposed(run.target)
    target = represented(family, run.search)
    return target, start_scene(target, run.starts, run.search)


def training(views: Sequence[Camera]) -> list[int]:
    """Indices of the cameras that a search sees."""
    return [index for index, view in enumerate(views) if not view.held_out]


def held_out(views: Sequence[Camera]) -> list[int]:
    """Indices of the cameras that it never sees."""
    return [index for index, view in enumerate(views) if view.held_out]


def _searched(
    run: ResolvedRun,
    target: Scene,
    start: Scene,
    against: Reference,
    model: Model,
    directory: RunDirectory,
    device: str,
    report: RunReport,
) -> Search:
    """The search, made or taken up at its newest state, and run to its end."""
    train = training(against.views)
    views = [against.views[c] for c in train]
    kind: Callable[..., Search] = Search
    mover = model
    if run.search.mode == "diverge":
        null, ceiling = (each["pearson"][:, train] for each in (against.null, against.ceiling))
        kind = partial(Divergence, null=null.mean(axis=0), ceiling=ceiling.mean(axis=0))
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
        match=_room(against, train),
        device=device,
    )
    state, problems = directory.newest_state()
    for problem in problems:
        report.note(problem)
    if state is not None:
        search.resume(state)
        report.note(f"going on from step {state.step}")
    directory.rewind(search.finished)
    if state is None:
        directory.save_state(search.state(), keep=True)
    room = _room(against, train)
    try:
        for step in search.steps():
            row = {
                "step": step.step,
                "seconds": step.seconds,
                "loss": step.loss,
                "s": step.s,
                "match": float(room(step.s)),
            }
            if isinstance(search, Divergence):
                row["distance"] = search.distance()
            directory.append_history(row)
            report.step(row)
            while search.notes:
                report.note(search.notes.pop(0))
            keep = is_kept(step.step % run.search.steps) or step.step == search.total
            if keep or step.step % run.search.save_every == 0:
                directory.save_state(search.state(), keep=keep)
    except FloatingPointError as error:
        last = directory.state_path(directory.state_steps()[-1]).name
        raise FloatingPointError(
            f"{error}; the last good state is {last}, from which generate goes on"
        ) from error
    return search


def _found(
    run: ResolvedRun,
    target: Scene,
    search: Search,
    against: Reference,
    model: Model,
    form: Form,
    device: str,
) -> tuple[Scene, dict[str, Any]]:
    """Where a search ended; of one away from the target, the widest metamer and the reaches."""
    if not isinstance(search, Divergence):
        return search.scene(), {}

    def judged(index: int, scene: Scene) -> dict[str, Any]:
        stage = Stage(scene, form=form, device=device)
        images = seen(stage, against.views, run.search.samples.score, index)
        return _judged(run, target, scene, images, against, model)

    # By the noise of index 0 the result is judged in the end: it chooses none of them.
    choosing, deciding = partial(judged, 1), partial(judged, 0)
    result, reach = widest(search, choosing, deciding)
    control = control_reach(
        target,
        run.search,
        reach["distance"] or UNIT[run.search.attributes[0]],
        choosing,
        deciding,
        run.generator("series/control"),
        int(run.generator("series/sampling").integers(2**31)),
    )
    return result, {"reach": reach | {"control": control}}


def _room(against: Reference, train: Sequence[int]) -> Callable[[float], float]:
    """Match of a mean similarity, with null and ceiling averaged over the training cameras."""
    null, ceiling = (
        measured["pearson"][:, train].mean(axis=1, keepdims=True)
        for measured in (against.null, against.ceiling)
    )
    return lambda s: float(match(np.array([s]), null, ceiling)[0])


@torch.no_grad()
def _judged(
    run: ResolvedRun,
    target: Scene,
    result: Scene,
    images: torch.Tensor,
    against: Reference,
    model: Model,
) -> dict[str, Any]:
    """What `criterion.json` holds: both verdicts, and the physical difference."""
    similarity = measures(against.activations, model.activations(images))
    labels = model.labels(images)
    verdicts = {
        group: verdict_over(run.search, against, similarity, labels, rows(against.views))
        for group, rows in (("training", training), ("held_out", held_out))
    }
    difference = scene_difference(
        target, result, run.search.attributes, run.generator("difference")
    )
    again = target_again(difference)
    kind = "metamer" if verdicts["training"].metamer and not again else "result"
    return {
        "schema_version": 1,
        "verdict": kind,
        "target_again": again,
        "model": model.record(),
        "target": target.sha256,
        "result": result.sha256,
        "samples": run.search.samples.score,
        **{group: verdict.as_json() for group, verdict in verdicts.items()},
        "physical_difference": difference,
    }


def verdict_over(
    search: SearchConfig,
    against: Reference,
    similarity: Measures,
    labels: torch.Tensor | None,
    rows: list[int],
) -> Verdict:
    """The criterion over some of the cameras."""
    names = [against.views[c].name for c in rows]
    here = {name: values[rows] for name, values in similarity.items()}
    null, ceiling = (
        {name: values[:, rows] for name, values in measured.items()}
        for measured in (against.null, against.ceiling)
    )
    before = None if against.labels is None else against.labels[:, rows]
    after = None if labels is None else labels[rows].tolist()
    return judge(names, here, null, ceiling, search.criterion.floor, before, after)


def _write_renders(
    folder: Path,
    name: str,
    views: Sequence[Camera],
    radiance: dict[str, torch.Tensor],
    images: dict[str, torch.Tensor],
) -> None:
    """Linear EXR and display PNG of every camera."""
    shown = pictures.to_bytes(images[name])
    for view, linear, image in zip(views, radiance[name], shown, strict=True):
        pictures.write_exr(folder / f"{name}_{view.name}.exr", linear)
        pictures.write_png(folder / f"{name}_{view.name}.png", image)


def _write_preview(
    run: ResolvedRun,
    directory: RunDirectory,
    images: dict[str, torch.Tensor],
    judgement: dict[str, Any],
    views: Sequence[Camera],
) -> None:
    """Target, start and result at every camera, with the curves of the search."""
    matches = {
        entry["camera"]: entry["match"]
        for group in ("training", "held_out")
        for entry in judgement[group]["cameras"]
    }
    pictures.write_preview(
        directory.path / "preview.png",
        f"{run.spec.label}: {judgement['verdict']}, match {judgement['training']['match']:.2f}",
        images,
        views,
        matches,
        directory.history(),
        run.search.criterion.floor,
    )


def _write_turntable(path: Path, sides: Sequence[Scene], form: Form, device: str) -> None:
    """Target and result side by side, seen by a camera that goes around them."""
    rig = sides[0].cameras
    around = Ring(
        count=pictures.TURNTABLE_FRAMES,
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
    pictures.write_turntable(path, films)

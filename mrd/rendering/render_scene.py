"""Images of one scene in a folder, for `mrd render`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from mrd.rendering import backend
from scenes.aov_kinds import Kind
from scenes.base.atomic_files import check_writable, whole_file
from scenes.camera import cameras
from scenes.scene import Scene
from scenes.scene_files import write_scene


def photograph(
    scene: Scene, out: Path, samples: int, noise_index: int, aovs: Sequence[Kind] = ()
) -> Iterator[Path]:
    """Render a loaded scene with each of its cameras; write linear EXR, display PNG, scene.json.

    Parameters
    ----------
    scene
        Loaded scene; an automatic exposure is first replaced by a number, also in scene.json.
    out
        Folder of the images; created if missing.
    samples
        Samples per pixel.
    noise_index
        Index of the noise seed: images with another index differ in their noise.
    aovs
        Kinds of AOVs that are written as well, as ``CAMERA_KIND.exr``; ``object`` also writes
        the names of the objects, ``objects.json``.

    Yields
    ------
    Path
        Path of every file but ``scene.json``, once it is written.

    Raises
    ------
    InputError
        There is no usable backend, or the folder cannot be written; raised before the first render.
    """
    device = backend.activate().device
    check_writable(out)
    from mrd.rendering import image_files  # imports torch and Mitsuba, which takes seconds
    from mrd.rendering.aovs import Aovs
    from mrd.rendering.stage import Stage, display, exposed

    fixed = exposed(scene)
    write_scene(fixed, out)
    stage = Stage(fixed, device=device)
    for view in cameras(fixed.cameras):
        linear = stage.photographs([view], samples, noise_index)
        image_files.write_exr(out / f"{view.name}.exr", linear[0])
        yield out / f"{view.name}.exr"
        image_files.write_png(
            out / f"{view.name}.png", image_files.to_bytes(display(linear, fixed.film))[0]
        )
        yield out / f"{view.name}.png"
    if not aovs:
        return
    surfaces = Aovs(fixed)
    for view in cameras(fixed.cameras):
        for kind, pixels in surfaces.of(view, aovs, samples).items():
            path = out / f"{view.name}_{kind}.exr"
            image_files.write_aov(path, kind, pixels)
            yield path
    if "object" in aovs:
        yield _write_names(fixed, out / "objects.json")


def _write_names(scene: Scene, path: Path) -> Path:
    """Write the names of the objects by their numbers in the AOV ``object``; return the path."""
    names = {str(number): name for number, name in enumerate(scene.objects, start=1)}
    with whole_file(path) as beside:
        beside.write_text(f"{json.dumps(names, indent=2)}\n", encoding="utf-8")
    return path

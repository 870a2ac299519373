"""Images of one scene in a folder, for `mrd render`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from mrd.rendering import backend
from scenes.base.atomic_files import check_writable
from scenes.camera import cameras
from scenes.scene import Scene
from scenes.scene_files import write_scene


def photograph(scene: Scene, out: Path, samples: int, noise_index: int) -> Iterator[Path]:
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

    Yields
    ------
    Path
        Path of every image, once it is written.

    Raises
    ------
    InputError
        There is no usable backend, or the folder cannot be written; raised before the first render.
    """
    device = backend.activate().device
    check_writable(out)
    from mrd.rendering import image_files  # imports torch and Mitsuba, which takes seconds
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

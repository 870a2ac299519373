"""``mrd render``: images of a scene, or of every target of a study."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mrd.cli.files import read_files
from mrd.rendering.render_scene import photograph
from mrd.study.study import FILE_NAME, loaded_target, read_study
from scenes import library
from scenes.aov_kinds import kinds_of
from scenes.base.errors import printable
from scenes.config import TargetConfig, target_scene
from scenes.scene import Scene
from scenes.visibility import check_visible


def render(
    scene: Annotated[
        str,
        Argument(
            metavar="SCENE",
            help="A scene.json, a name that 'mrd scenes' lists, or a study, to render its targets.",
        ),
    ],
    out: Annotated[
        Path,
        Option(
            metavar="DIR",
            help="Folder of the images, created if it is missing. For a study, each target gets "
            "a folder inside it.",
        ),
    ],
    samples: Annotated[int, Option(min=1, max=65536, help="Samples per pixel.")] = 256,
    noise_index: Annotated[
        int,
        Option(
            min=0, help="Number of the render. Renders with other numbers differ only in noise."
        ),
    ] = 0,
    aov: Annotated[
        str | None,
        Option(
            metavar="KINDS",
            help="Also write, for each camera, NAME_KIND.exr (float32): depth (distance along the "
            "viewing axis in scene units, 0 where nothing is hit), normals (shading normals in "
            "world coordinates), albedo (base colour, linear Rec. 709), mask (share of the pixel "
            "that shows the searched object, 0 to 1), object (number of the object, from 1; 0 for "
            "none; names in objects.json). Separate kinds by commas.",
        ),
    ] = None,
) -> None:
    """Render a scene, or the targets of a study.

    Writes a linear EXR and a display-encoded PNG file for each camera, and prints their names.
    What was read from mesh and picture files is printed to standard error.
    """
    kinds = kinds_of(aov, "--aov") if aov is not None else ()
    for folder, loaded in _scenes(scene, out):
        for image in photograph(loaded, folder, samples, noise_index, kinds):
            typer.echo(printable(str(image)))


def _scenes(scene: str, out: Path) -> list[tuple[Path, Scene]]:
    """Return folder of images and scene of each target; load all before the first is rendered."""
    is_study = Path(scene).is_dir() or Path(scene).name == FILE_NAME
    if is_study and scene not in library.SCENES:  # a folder may have the name of a scene
        study = read_study(Path(scene))
        loaded = [(out / name, loaded_target(name, study)) for name in study.targets]
        for place, reading in read_files(study):
            typer.echo(f"{place}.{reading}", err=True)
        return loaded
    one = target_scene(Path(scene).stem, TargetConfig(scene=scene), Path()).loaded()
    check_visible(one)
    return [(out, one)]

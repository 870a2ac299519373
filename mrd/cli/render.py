"""``mrd render``: images of a scene, or of every target of a study."""

from pathlib import Path
from typing import Annotated

import typer

from mrd.cli.files import read_files
from mrd.rendering.render_scene import photograph
from mrd.study.study import FILE_NAME, loaded_target, read_study
from scenes import library
from scenes.base.errors import printable
from scenes.config import TargetConfig, target_scene
from scenes.scene import Scene, check_visible


def render(
    scene: Annotated[
        str,
        typer.Argument(
            metavar="SCENE",
            help="A scene.json, a name from 'mrd scenes', or a study, whose targets are rendered.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option(
            metavar="DIR",
            help="Folder for the images, made if it is missing; of a study, a folder in it for "
            "each target.",
        ),
    ],
    samples: Annotated[int, typer.Option(min=1, max=65536, help="Samples per pixel.")] = 256,
    noise_index: Annotated[
        int, typer.Option(min=0, help="Which of the renders, alike but for their noise.")
    ] = 0,
) -> None:
    """Render a scene, or the targets of a study.

    Writes linear EXR and display PNG files, one of each a camera, and prints their names. What was
    read from mesh and picture files is printed to the standard error.
    """
    for folder, loaded in _scenes(scene, out):
        for image in photograph(loaded, folder, samples, noise_index):
            typer.echo(printable(str(image)))


def _scenes(scene: str, out: Path) -> list[tuple[Path, Scene]]:
    """Loaded scenes, all of them before the first is rendered, and where their images go."""
    is_study = Path(scene).is_dir() or Path(scene).name == FILE_NAME
    if is_study and scene not in library.SCENES:  # a folder may be named as a scene is
        study = read_study(Path(scene))
        loaded = [(out / name, loaded_target(name, study)) for name in study.targets]
        for place, reading in read_files(study):
            typer.echo(f"{place}.{reading}", err=True)
        return loaded
    one = target_scene(Path(scene).stem, TargetConfig(scene=scene), Path()).loaded()
    check_visible(one)
    return [(out, one)]

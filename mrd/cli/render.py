"""``mrd render``: images of one scene."""

from pathlib import Path
from typing import Annotated

import typer

from mrd.photograph import photograph
from scenes.config import TargetConfig, target_scene
from scenes.scene import check_visible


def render(
    scene: Annotated[
        str, typer.Argument(metavar="SCENE", help="A scene.json, or a name from 'mrd scenes'.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the images; made if it is missing.")
    ],
    samples: Annotated[int, typer.Option(min=1, max=65536, help="Samples per pixel.")] = 256,
    noise_index: Annotated[
        int, typer.Option(min=0, help="Which of the renders, alike but for their noise.")
    ] = 0,
) -> None:
    """Render a scene through each of its cameras.

    Writes linear EXR and display PNG files and prints their names.
    """
    name = Path(scene).stem
    loaded = target_scene(name, TargetConfig(scene=scene), Path()).loaded()
    check_visible(loaded)

    for image in photograph(loaded, out, samples, noise_index):
        typer.echo(str(image))

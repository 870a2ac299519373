"""``mrd scenes``: list what the library contains, or check a file."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Option

from mrd.cli.files import read_files
from mrd.cli.tables import console, table
from mrd.study.study import FILE_NAME, loaded_target, read_study
from scenes.file_summaries import file_summary
from scenes.library import LIGHTS, MATERIALS, MESHES, SCENES
from scenes.scene_files import read_scene
from scenes.visibility import check_visible


def scenes(
    check: Annotated[
        Path | None,
        Option(
            "--check",
            metavar="FILE",
            help="Read a mesh, a picture, a scene.json, or the files of a study's targets; print "
            "what was found, and what was changed while reading.",
        ),
    ] = None,
) -> None:
    """List scenes, meshes, lights and materials; or check a file."""
    if check is not None:
        _check(check)
        return
    kinds = (
        ("scene", SCENES, "scene: {}"),
        ("mesh", MESHES, "shape: {{kind: mesh, surface: {}}}"),
        ("light", LIGHTS, "lighting: {{kind: map, radiance: {}}}"),
        ("material", MATERIALS, "material: {}"),
    )
    rows = [(kind, ", ".join(names), use.format(next(iter(names)))) for kind, names, use in kinds]
    console().print(table(("kind", "names", "in a study"), rows))


def _check(path: Path) -> None:
    """Read a file or the files of a study, and print what was found."""
    if path.is_dir() or path.name == FILE_NAME:
        study = read_study(path)
        for place, reading in read_files(study):
            typer.echo(f"{place}.{reading}")
        for name in study.targets:
            loaded_target(name, study)
            typer.echo(f"targets.{name}: every camera sees the object")
    elif path.suffix == ".json":
        scene = read_scene(path)
        check_visible(scene)
        typer.echo(f"{path}: scene '{scene.name}', every camera sees the object")
    else:
        typer.echo(str(file_summary(path)))

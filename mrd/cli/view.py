"""``mrd view``: a page that shows a scene, or the scenes of a run, in 3D."""

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mrd.study.run_directory import RunDirectory
from mrd.study.study import FILE_NAME
from scenes import library
from scenes.base.atomic_files import whole_file
from scenes.base.errors import InputError, printable, unknown
from scenes.camera import cameras
from scenes.scene import Scene
from scenes.scene_files import SCENE_FILE, read_scene
from scenes.view.page import Side, view_page
from scenes.view.pictures import render_url

PAGE = "view.html"
SIDES = ("target", "result", "start")  # of a run, the left one first
NO_RESULT = "This run has no result yet: the target is shown alone."


def view(
    scene: Annotated[
        str,
        Argument(
            metavar="SCENE|RUN",
            help="A scene.json or its folder, a name that 'mrd scenes' lists, or the folder of a "
            "run.",
        ),
    ],
    out: Annotated[
        Path | None,
        Option(
            metavar="FILE.html",
            help="The page. By default view.html beside the scene or in the run's folder; for a "
            "scene of the library, in the current folder.",
        ),
    ] = None,
) -> None:
    """Write a page that shows a scene in 3D.

    For a run, it shows target and result side by side. The page needs a browser with WebGL, and no
    network. It is a preview: 'mrd render' makes the images.
    """
    path = Path(scene)
    notes: list[str] = []
    if scene in library.SCENES:
        folder, sides = Path(), [Side(scene, library.scene(scene).loaded())]
    elif (path / "run.json").exists():
        folder, sides = path, _of_run(path)
        if all(side.name != "result" for side in sides):
            notes.append(NO_RESULT)
    else:
        file = _scene_file(path)
        folder, sides = file.parent, [_of_scene(file)]
    page = folder / PAGE if out is None else out
    if page.is_dir() or page.suffix.lower() not in (".html", ".htm"):
        raise InputError(f"--out {page}: is no page; name a file that ends with .html")
    is_run = (path / "run.json").exists()
    title = path.resolve().name if is_run else sides[0].name
    html = view_page(title, sides, notes)
    with whole_file(page) as beside:
        beside.write_text(html, encoding="utf-8")
    for note in notes:
        typer.echo(printable(note))
    typer.echo(printable(str(page)))


def _scene_file(path: Path) -> Path:
    """Return the scene file that a path names, itself or in its folder."""
    if (path / SCENE_FILE).is_file():
        return path / SCENE_FILE
    if path.name == FILE_NAME or (path / FILE_NAME).is_file():
        raise InputError(
            f"{path}: is a study; name one of its runs (a folder in runs/), or a scene.json"
        )
    if path.is_dir():
        raise InputError(f"{path}: has no run.json and no {SCENE_FILE}; name a run or a scene")
    return path


def _of_scene(file: Path) -> Side:
    """Return the scene of a file, with the images that 'mrd render' wrote beside it."""
    if file.suffix != ".json":
        message = "or the path of a scene.json, or a run's folder"
        raise unknown("scene", str(file), library.SCENES, f", {message}")
    scene = read_scene(file)
    return Side(scene.name, scene, _renders(scene, file.parent, ""))


def _of_run(folder: Path) -> list[Side]:
    """Return the scenes of a run that exist; raise if its record or one of them is damaged."""
    RunDirectory(folder).record()
    found = [name for name in SIDES if (folder / name / SCENE_FILE).exists()]
    if "target" not in found:
        raise InputError(f"{folder}: has no target/{SCENE_FILE} yet; mrd generate writes it")
    scenes = {name: read_scene(folder / name / SCENE_FILE) for name in found}
    return [
        Side(name, each, _renders(each, folder / "renders", f"{name}_"))
        for name, each in scenes.items()
    ]


def _renders(scene: Scene, folder: Path, start: str) -> dict[str, str]:
    """Return the rendered images ``STARTc0.png`` … of a scene's cameras that exist."""
    names: Iterable[str] = (camera.name for camera in cameras(scene.cameras))
    files = {name: folder / f"{start}{name}.png" for name in names}
    return {name: render_url(file) for name, file in files.items() if file.is_file()}

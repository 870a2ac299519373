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
    notes = []
    if out is not None and out.suffix.lower() != ".html":
        raise InputError(f"--out {out}: the page needs a name that ends with .html, such as {PAGE}")
    if scene in library.SCENES:  # a folder may have the name of a scene
        folder, sides = Path(), [Side(scene, library.scene(scene).loaded())]
        title = scene
    elif _is_run(path):
        folder, sides = path, _of_run(path)
        title = path.resolve().name
        if "result" not in [side.name for side in sides]:
            notes.append(NO_RESULT)
    else:
        side, folder = _of_scene(path)
        sides, title = [side], side.name
    page = out or folder / PAGE
    html = view_page(title, sides, notes)
    with whole_file(page) as beside:
        beside.write_text(html, encoding="utf-8")
    for line in (*notes, str(page)):
        typer.echo(printable(line))


def _is_run(path: Path) -> bool:
    """Return whether a folder is that of a run, which may be damaged."""
    return (path / "run.json").exists() or (path / "target" / SCENE_FILE).exists()


def _of_scene(path: Path) -> tuple[Side, Path]:
    """Return the scene of a file or folder, with its rendered images, and the folder."""
    if path.name == FILE_NAME or (path / FILE_NAME).is_file():
        raise InputError(
            f"{path}: is a study; name the folder of one of its runs, or a {SCENE_FILE}"
        )
    if path.is_dir():
        if not (path / SCENE_FILE).is_file():
            raise InputError(f"{path}: has neither {SCENE_FILE} nor run.json; name another folder")
        path = path / SCENE_FILE
    elif path.suffix != ".json":
        raise unknown("scene", str(path), library.SCENES, f", a {SCENE_FILE}, or a run's folder")
    if not path.exists():
        raise InputError(f"{path}: there is no such file; 'mrd render' and searches write scenes")
    scene = read_scene(path)
    return Side(scene.name, scene, _renders(scene, path.parent, "")), path.parent


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

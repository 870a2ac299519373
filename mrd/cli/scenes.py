"""``mrd scenes``: list what the library contains, check a file, import or export scenes."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mrd.cli.files import read_files
from mrd.cli.tables import console, table
from mrd.study.stored_scenes import scene_files
from mrd.study.study import FILE_NAME, loaded_target, read_study
from scenes.base.atomic_files import whole_folder
from scenes.base.errors import InputError, about, printable
from scenes.config import TargetConfig, target_scene
from scenes.exported.export import SUFFIXES, Format, export, format_of
from scenes.exported.remarks import Remarks, common
from scenes.file_summaries import file_summary, mesh_summary
from scenes.imported.import_scene import import_scene
from scenes.library import LIGHTS, MATERIALS, MESHES, SCENES
from scenes.scene_files import read_scene
from scenes.shape import geometry
from scenes.visibility import check_visible

app = typer.Typer(
    name="scenes",
    help="List scenes, meshes, lights and materials; check a file; import or export scenes.",
    invoke_without_command=True,
    rich_markup_mode=None,
)


@app.callback()
def scenes(
    context: typer.Context,
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
    """List scenes, meshes, lights and materials; check a file; import or export scenes."""
    if context.invoked_subcommand is not None:
        return
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


@app.command(name="export")
def export_scenes(
    scene: Annotated[
        str,
        Argument(
            metavar="SCENE",
            help="A scene.json, a name that 'mrd scenes' lists, or the folder of a run, for its "
            "target, start, result and every stored level of its series.",
        ),
    ],
    out: Annotated[
        Path,
        Option(
            metavar="FILE",
            help="The file: NAME.glb is replaced. For Mitsuba, and for a run: a new folder.",
        ),
    ],
    form: Annotated[
        Format | None,
        Option(
            "--format",
            help="glb (glTF 2.0 in one file) or mitsuba (folder with scene.xml). By default, "
            "NAME.glb is glb and a name without a suffix is mitsuba.",
        ),
    ] = None,
) -> None:
    """Write scenes as files for other programs.

    Prints the names of the files. What the format stores only roughly, or cannot store, is printed
    to standard error.
    """
    if scene not in SCENES and Path(scene).is_dir():
        _export_run(Path(scene), out, form)
        return
    loaded = target_scene(Path(scene).stem, TargetConfig(scene=scene), Path()).loaded()
    remarks = export(loaded, out, form or format_of(out))
    typer.echo(printable(str(out)))
    _print_remarks(remarks)


def _export_run(run: Path, out: Path, form: Format | None) -> None:
    """Export every scene of a run into a new folder, which is complete or missing."""
    files = scene_files(run)
    if not files:
        raise InputError(
            f"{run}: holds no scene of a run; name the folder of a run (runs/…), or a scene.json"
        )
    if form is None:
        raise InputError(f"{out}: the scenes of a run need --format glb or --format mitsuba")
    found: dict[str, Remarks] = {}
    with whole_folder(out) as beside:
        for name, file in files.items():
            with about(name):
                found[name] = export(read_scene(file), beside / f"{name}{SUFFIXES[form]}", form)
    for name in found:
        typer.echo(printable(str(out / f"{name}{SUFFIXES[form]}")))
    _print_remarks(common(found.values()))


def _print_remarks(remarks: Remarks) -> None:
    """Print what differs from a scene to standard error."""
    for kind, texts in (("approximated", remarks.approximated), ("left out", remarks.left_out)):
        for text in texts:
            typer.echo(printable(f"{kind}: {text}"), err=True)


@app.command("import")
def import_(
    file: Annotated[
        Path,
        Argument(
            metavar="FILE",
            help="A glTF file (.glb, .gltf), or a scene file of Mitsuba 2 or 3 (.xml).",
        ),
    ],
    out: Annotated[
        Path,
        Option(metavar="DIR", help="Folder of the scene.json; created. It may exist if empty."),
    ],
    searched: Annotated[
        str | None,
        Option(
            "--object",
            metavar="NAME",
            help="Object that a search changes. Without it, the one with the most triangles.",
        ),
    ] = None,
    strict: Annotated[
        bool, Option("--strict", help="Refuse the file if something in it cannot be imported.")
    ] = False,
) -> None:
    """Import a scene of another program, with its objects, materials, cameras and lights.

    Prints how the scene was placed, what was approximated, and what was not imported.
    """
    imported = import_scene(file, out, searched, strict=strict)
    for line in imported.summary:
        typer.echo(printable(line))
    for note in imported.notes:
        typer.echo(printable(f"note: {note}"))
    for what in imported.not_imported:
        typer.echo(printable(f"not imported: {what}"))
    typer.echo(printable(str(imported.path)))


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
        for name, each in scene.objects.items():
            typer.echo(f"{path}: object '{name}': {mesh_summary(geometry(each.shape))}")
        lights = {scene.light: scene.lighting, **scene.lamps}
        shown = ", ".join(f"{name} ({each.kind})" for name, each in lights.items())
        typer.echo(f"{path}: lights: {shown}")
        typer.echo(f"{path}: scene '{scene.name}', every camera sees the object '{scene.object}'")
    else:
        typer.echo(str(file_summary(path)))

"""``mrd stimuli``: build a stimulus set, look at it, check it, take it apart."""

from pathlib import Path
from typing import Annotated

import typer

from mrd.cli.counting import counted
from mrd.cli.tables import console, number, table
from mrd.study.study import read_study
from mrd.workflow.build_set import pack, set_of
from scenes.base.errors import InputError, printable
from stimuli.check import problems
from stimuli.comparison import differences
from stimuli.cues import CHANCE, CUES, cues
from stimuli.export import export as export_files
from stimuli.merging import merge as merge_sets
from stimuli.schema import SCHEMA_VERSION
from stimuli.stimulus_set import StimulusSet
from stimuli.storage import check_seal
from stimuli.summary import summary

app = typer.Typer(
    name="stimuli",
    help="Build, check, export, merge and compare stimulus sets.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

Set = Annotated[Path, typer.Argument(metavar="SET", help="A stimuli.h5, or a study that has one.")]


@app.command()
def build(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
) -> None:
    """Pack the finished runs of a study into stimuli.h5."""
    described, out = read_study(study), console()
    with counted(out) as progress:
        packed = pack(described, lambda done, total: progress("images", done, total))
    if packed is None:
        out.print(f"{described.stimulus_set}: is of these runs already")
        return
    built, kept = packed.built, packed.kept
    for refusal in built.refusals:
        out.print(f"left out: {refusal.name}: {refusal.reason}")
    clipped = built.table["clipped"]
    out.print(f"{described.stimulus_set}: {len(built.table)} images")
    out.print(
        f"clipped: {int((clipped > 0).sum())} images, at most {clipped.max():.2%} of their pixels"
    )
    out.print(f"content hash: {built.content_hash}")
    if kept is not None:
        out.print(
            f"kept: {kept.path}: the earlier set, which sessions in data/ were run with "
            f"({kept.sessions}); mrd analyse {study} --stimuli {kept.path} analyses them; to "
            "finish one of them, give the file its old name"
        )


@app.command()
def check(path: Set) -> None:
    """Verify every byte of a set, and look for trivial cues.

    All references as well. The cues are those by which a target can be told without looking at
    the scene: mean luminance, contrast, silhouette.
    """
    path, out = set_of(path, read_study), console()
    found = problems(path)
    if found:
        for problem in found[:-1]:
            typer.echo(f"error: {printable(problem)}", err=True)
        raise InputError(found[-1])
    with StimulusSet(path) as stimuli:
        told = cues(stimuli)
        out.print(f"{path}: {len(stimuli)} images, no problem")
    out.print(
        f"share of oddity trials that a trivial cue alone gives away, chance {CHANCE:.2f} "
        "(difference from the target)"
    )
    out.print(
        table(
            ("family", "run", "role", "level", *CUES),
            (
                (
                    str(row["family"]),
                    str(row["run"]),
                    str(row["role"]),
                    number(row["level"]),
                    *(f"{row[cue]:.2f} ({row[f'{cue}_difference']:.1%})" for cue in CUES),
                )
                for _, row in told.iterrows()
            ),
            numbers=("level", *CUES),
        )
    )


@app.command()
def info(
    path: Set,
    distance: Annotated[
        float | None, typer.Option(help="Viewing distance, mm: tells the visual angle.")
    ] = None,
    pitch: Annotated[
        float | None, typer.Option(help="Distance of neighbouring pixels of the display, mm.")
    ] = None,
) -> None:
    """Tell what a set holds."""
    if (distance is None) != (pitch is None):
        raise InputError("--distance and --pitch belong together; give both, in mm")
    with StimulusSet(set_of(path, read_study)) as stimuli:
        told = summary(stimuli, distance, pitch)
    console().print(table(("", ""), ((name, str(value)) for name, value in told.items())))


@app.command()
def export(
    path: Set,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder of the files.")],
) -> None:
    """Write PNGs, a table and a contact sheet."""
    shown = console()
    with StimulusSet(set_of(path, read_study)) as stimuli, counted(shown) as progress:
        sheet = export_files(stimuli, out, lambda done, total: progress("images", done, total))
    shown.print(f"{sheet}: look at it first")


@app.command()
def merge(
    sets: Annotated[list[Path], typer.Argument(metavar="SET…", help="Two sets or more.")],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The set to write.")],
) -> None:
    """Make one set of several that do not contradict each other."""
    found = merge_sets([set_of(path, read_study) for path in sets], out)
    console().print(f"{out}: content hash {found}")


@app.command()
def diff(one: Set, other: Set) -> None:
    """Tell what two sets differ in; exits with 1 if they do."""
    paths = [set_of(path, read_study) for path in (one, other)]
    with StimulusSet(paths[0]) as left, StimulusSet(paths[1]) as right:
        found = differences(left, right)
    for line in found or ["no difference"]:
        console().print(line)
    if found:
        raise typer.Exit(1)


@app.command()
def migrate(path: Set) -> None:
    """Bring a set of an older version to the present one."""
    path = set_of(path, read_study)
    check_seal(path)
    with StimulusSet(path) as stimuli:
        _ = stimuli.file  # opening it refuses every other version: version 1 is the first
    console().print(f"{path}: is of the present schema_version {SCHEMA_VERSION}")

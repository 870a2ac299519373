"""``mrd stimuli``: build, check and export stimulus sets."""

from pathlib import Path
from typing import Annotated

import typer
from typer import Argument, Option

from mrd.cli.arguments import StudyPath
from mrd.cli.progress import counter
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

Set = Annotated[
    Path, Argument(metavar="SET", help="A stimuli.h5, or the folder of a study with one.")
]


@app.command()
def build(path: StudyPath) -> None:
    """Write the images of finished runs into stimuli.h5."""
    study, out = read_study(path), console()
    with counter(out) as progress:
        packed = pack(study, lambda done, total: progress("images", done, total))
    if packed is None:
        out.print(f"{study.stimulus_set}: is up to date")
        return
    built, kept = packed.built, packed.kept
    for refusal in built.refusals:
        out.print(f"left out: {refusal.name}: {refusal.reason}")
    clipped = built.table["clipped"]
    out.print(f"{study.stimulus_set}: {len(built.table)} images")
    out.print(
        f"clipped: {int((clipped > 0).sum())} images, at most {clipped.max():.2%} of their pixels"
    )
    out.print(f"content hash: {built.content_hash}")
    if kept is not None:
        out.print(
            f"kept: {kept.path}: the earlier set, which sessions in data/ were run with "
            f"({kept.sessions}); mrd analyse {path} --stimuli {kept.path} analyses them; to "
            "complete one of these sessions, rename the file to its old name first"
        )


@app.command()
def check(path: Set) -> None:
    """Verify a set, and look for trivial cues.

    Every byte and every reference is verified. A trivial cue is a difference in mean luminance,
    contrast or silhouette that gives the target away without a look at the scene.
    """
    path, out = set_of(path, read_study), console()
    if found := problems(path):
        for problem in found[:-1]:
            typer.echo(f"error: {printable(problem)}", err=True)
        raise InputError(found[-1])
    with StimulusSet(path) as stimuli:
        shares = cues(stimuli)
        out.print(f"{path}: {len(stimuli)} images, no problem")
    out.print(
        f"share of oddity trials that a trivial cue alone gives away, chance {CHANCE:.2f} "
        "(difference from the target)"
    )
    rows = (
        (
            str(row["family"]),
            str(row["run"]),
            str(row["role"]),
            number(row["level"]),
            *(f"{row[cue]:.2f} ({row[f'{cue}_difference']:.1%})" for cue in CUES),
        )
        for _, row in shares.iterrows()
    )
    columns = ("family", "run", "role", "level", *CUES)
    out.print(table(columns, rows, numbers=("level", *CUES)))


@app.command()
def info(
    path: Set,
    distance: Annotated[
        float | None,
        Option(help="Viewing distance in mm, to print the visual angle of the images."),
    ] = None,
    pitch: Annotated[
        float | None, Option(help="Distance between pixels of the display, in mm.")
    ] = None,
) -> None:
    """Summarise the content of a set."""
    if (distance is None) != (pitch is None):
        raise InputError("--distance and --pitch belong together; give both, in mm")
    with StimulusSet(set_of(path, read_study)) as stimuli:
        rows = summary(stimuli, distance, pitch)
    console().print(table(("", ""), ((name, str(value)) for name, value in rows.items())))


@app.command()
def export(
    path: Set, folder: Annotated[Path, Option("--out", metavar="DIR", help="Folder of the files.")]
) -> None:
    """Write PNG files, a table and a contact sheet."""
    out = console()
    with StimulusSet(set_of(path, read_study)) as stimuli, counter(out) as progress:
        sheet = export_files(stimuli, folder, lambda done, total: progress("images", done, total))
    out.print(f"{sheet}: look at it first")


@app.command()
def merge(
    paths: Annotated[list[Path], Argument(metavar="SET…", help="Two or more sets.")],
    out: Annotated[Path, Option("--out", metavar="FILE", help="The set to write.")],
) -> None:
    """Merge sets that do not contradict each other."""
    content_hash = merge_sets([set_of(path, read_study) for path in paths], out)
    console().print(f"{out}: content hash {content_hash}")


@app.command()
def diff(one: Set, other: Set) -> None:
    """List the differences between two sets.

    Exits with 1 if there are any.
    """
    paths = [set_of(path, read_study) for path in (one, other)]
    with StimulusSet(paths[0]) as left, StimulusSet(paths[1]) as right:
        differing = differences(left, right)
    for line in differing or ["no difference"]:
        console().print(line)
    if differing:
        raise typer.Exit(1)


@app.command()
def migrate(path: Set) -> None:
    """Check that a set has the present schema version.

    Version 1 is the first, so no set has to be converted.
    """
    path = set_of(path, read_study)
    check_seal(path)
    with StimulusSet(path) as stimuli:
        _ = stimuli.file  # opening refuses other versions; there is only version 1 so far
    console().print(f"{path}: is of the present schema_version {SCHEMA_VERSION}")

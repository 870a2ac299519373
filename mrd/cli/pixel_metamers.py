"""``mrd pixel-metamers``: what a search's match is worth where every pixel may change."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from mrd.cli.counting import counted
from mrd.cli.tables import Rows, console, number, table
from mrd.generate import study_runs
from mrd.rendering import backend
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow.build_set import add_pixel_metamers
from scenes.base.errors import InputError, printable

COLUMNS = (
    "run", "camera", "match, scene", "match, pixels", "RMS, scene", "RMS, pixels", "steps",
)  # fmt: skip


def pixel_metamers(
    study: Annotated[
        Path, typer.Argument(metavar="STUDY", help="A study.yaml, or the folder that holds it.")
    ],
) -> None:
    """Make pixel metamers, at the match of each search.

    Noise is turned by plenoptic into an image that the same model sees as well matched as the
    search's scene, at every camera that the search saw. What is done is left alone, and what was
    stopped goes on. They stand beside the scene metamers in the report.
    """
    described, out = read_study(study), console()
    resolved = resolve_study(described)
    runs = [run for run in resolved.runs if not run.spec.is_pixel_search]
    searched = [run for run in runs if study_runs.is_searched(run, described.runs)]
    if not searched:
        raise InputError(
            f"{described.runs}: holds no finished search of a model; mrd generate {study} makes "
            "them"
        )
    device = backend.activate().device
    from mrd.measures import pixel_metamers  # the renderer: only once there is work to do

    records, refused = [], []
    with counted(out) as progress:
        for run in searched:
            try:
                records.append(pixel_metamers.make(run, described.runs, device, progress))
            except InputError as error:
                refused.append(f"{run.name}: {error}")
    out.print(_shown(records))
    for run in runs:
        if run not in searched:
            out.print(f"left out: {run.name}: its search is not done; mrd generate goes on with it")
    packed = add_pixel_metamers(resolved)
    where = f"{len(packed)} of {len(records)} runs are in {described.stimulus_set}"
    out.print(
        where if packed else "in no set yet; mrd stimuli build packs them, in a study with series"
    )
    if refused:
        for each in refused:
            typer.echo(f"error: {printable(str(each))}", err=True)
        raise typer.Exit(2)


def _shown(records: Sequence[Mapping[str, Any]]) -> Rows:
    """Both metamers of every run and camera."""
    return table(
        (*COLUMNS, "the pixels are"),
        (
            (
                record["run"],
                row["camera"],
                *(number(row[key]) for key in ("scene_match", "pixel_match")),
                *(number(row[key]) for key in ("scene_rms", "pixel_rms")),
                str(row["step"]),
                _outcome(record, row),
            )
            for record in records
            for row in record["cameras"]
        ),
        numbers=COLUMNS[2:],
    )


def _outcome(record: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Say what the criterion calls the pixels, or that they never matched as well."""
    if not row["reached"]:
        return "not at equal match: the steps ran out"
    return f"{record['pixel_verdict']}{': ' if row['pixel_failed'] else ''}{row['pixel_failed']}"

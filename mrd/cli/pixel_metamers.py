"""``mrd pixel-metamers``: images that match as well as a scene metamer, pixel by pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from mrd.cli.arguments import StudyPath
from mrd.cli.progress import counter
from mrd.cli.tables import Rows, console, number, table
from mrd.criterion.recovery import verdict_in_words
from mrd.generate import study_runs
from mrd.rendering import backend
from mrd.study.resolved_study import resolve_study
from mrd.study.study import read_study
from mrd.workflow.build_set import add_pixel_metamers
from scenes.base.errors import InputError, printable

COLUMNS = ("run", "camera", "match, scene", "match, pixels", "RMS, scene", "RMS, pixels", "steps")
NUMBERS = ("scene_match", "pixel_match", "scene_rms", "pixel_rms")


def pixel_metamers(path: StudyPath) -> None:
    """Make pixel metamers that match as well as the scene metamers.

    For every finished search and training camera, plenoptic changes the pixels of a noise image
    until the model finds it as similar to the target as it finds the search's result. The report
    shows the images beside the scene metamers. Finished images are skipped, and an interrupted
    command resumes.
    """
    study, out = read_study(path), console()
    resolved = resolve_study(study)
    runs = [run for run in resolved.runs if not run.spec.is_pixel_search]
    searched = [run for run in runs if study_runs.is_searched(run, study.runs)]
    if not searched:
        raise InputError(
            f"{study.runs}: contains no finished search of a model; type mrd generate {path}"
        )
    device = backend.activate().device
    from mrd.measures import pixel_metamers  # the renderer, imported only when it is needed

    records, refused = [], []
    with counter(out) as progress:
        for run in searched:
            try:
                records.append(pixel_metamers.make(run, study.runs, device, progress))
            except InputError as error:
                refused.append(f"{run.name}: {error}")
    out.print(_table_of(records))
    for run in runs:
        if run not in searched:
            out.print(f"left out: {run.name}: its search is not done; mrd generate resumes it")
    if packed := add_pixel_metamers(resolved):
        out.print(f"{len(packed)} of {len(records)} runs are in {study.stimulus_set}")
    else:
        out.print("in no set yet; in a study with series, mrd stimuli build adds them to one")
    for each in refused:
        typer.echo(f"error: {printable(each)}", err=True)
    if refused:
        raise typer.Exit(2)


def _table_of(records: Sequence[Mapping[str, Any]]) -> Rows:
    """Return the table of pixel metamers: one row per run and camera."""
    rows = (
        (
            record["run"],
            row["camera"],
            *(number(row[key]) for key in NUMBERS),
            str(row["step"]),
            _outcome(record, row),
        )
        for record in records
        for row in record["cameras"]
    )
    return table((*COLUMNS, "the pixels are"), rows, numbers=COLUMNS[2:])


def _outcome(record: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    """Return in words whether the pixel metamer reached the match, and passed the criterion."""
    if not row["reached"]:
        return "not at equal match: the steps ran out"
    verdict = verdict_in_words(record["pixel_verdict"])
    return f"{verdict}{': ' if row['pixel_failed'] else ''}{row['pixel_failed']}"

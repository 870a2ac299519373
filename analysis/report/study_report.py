"""Make the report of a study folder, for `mrd analyse`, scripts and notebooks."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis.config import AnalysisConfig
from analysis.findings import (
    physical_thresholds,
    pixel_metamers,
    predicted_thresholds,
    reaches,
    results,
    shown_images,
)
from analysis.report import files
from analysis.report.provenance import REPORT, ReportSource, finding_hashes, model_hashes
from analysis.statistics.model_observers import Distances
from analysis.trials import searches, sessions
from analysis.trials.frame import CONTROL
from psychophysics.data.bids_names import PEOPLE, SIMULATED
from scenes.base.atomic_files import check_writable
from scenes.base.errors import InputError
from stimuli.pixel_metamers import PixelMetamer, read_pixel_metamers
from stimuli.png import eight_bit_png
from stimuli.recoveries import recoveries
from stimuli.stimulus_set import StimulusSet

SET = "stimuli.h5"
MOST_EXAMPLES = 24
SHARED = ("target", "rerender")  # roles of images that all series of a family share


@dataclass(frozen=True)
class StudyReport:
    """A finished report: its page, and all numbers as plain data."""

    page: Path
    numbers: dict[str, Any]


def make(
    folder: Path,
    name: str,
    config: AnalysisConfig,
    *,
    simulated: bool = False,
    stimuli: Path | None = None,
    out: Path | None = None,
    like: str | None = None,
    workers: int = 1,
    seed: int = 0,
    note: Callable[[str], None] = lambda _: None,
) -> StudyReport:
    """Analyse a study and write its report.

    Parameters
    ----------
    folder
        Folder of the study, with ``stimuli.h5`` and ``data/`` or ``data-simulated/``.
    name
        Name of the study.
    config
        Its analysis section.
    simulated
        Whether to analyse ``data-simulated/``.
    stimuli, out
        Stimulus set and folder of the report, if not in `folder`. With `stimuli`, sessions of other
        sets are excluded and listed; by default they are refused.
    like
        A participant, or ``participant/session``, whose experiment is analysed: sessions of other
        experiments are excluded and listed; by default they are refused.
    workers, seed, note
        As in `analysis.findings.results.analyse`.

    Returns
    -------
    StudyReport
        The page, and all numbers.

    Raises
    ------
    InputError
        The data are not valid; then nothing is written.
    """
    data = folder / (SIMULATED if simulated else PEOPLE)
    target = out or folder / REPORT
    with StimulusSet(stimuli or folder / SET) as shown:
        if not data.is_dir():
            command = "simulate" if simulated else "run"
            raise InputError(f"{data}: there is no such folder; mrd experiment {command} makes it")
        check_writable(target)
        note("reading sessions")
        trials = sessions.load(
            data,
            shown,
            other_sets=stimuli is not None,
            like=like,
            excluded=config.exclude.participants,
        )
        for text in _notes(trials):
            note(text)
        found = results.analyse(
            trials,
            distances(shown, trials),
            config,
            workers=workers,
            seed=seed,
            note=note,
            source=str(data),
        )
        metamers = list(read_pixel_metamers(shown).values())
        found.tables |= _tables_of_set(shown, found, metamers)
        found.tables |= _with_people(shown, found, config)
        source = ReportSource(
            name,
            data.name,
            trials.attrs["data_sha256"],
            shown.content_hash,
            bool((trials["kind"] == "simulated").any()),
            model_hashes(shown),
            seed,
            finding_hashes(shown),
        )
        note("figures and report")
        pictures = examples(shown, found.trials)
        trios = pixel_metamers.trios(metamers)
        page = files.write(found, target, source, config, pictures, trios)
    return StudyReport(page, files.as_json(found, source, config))


def _notes(trials: pd.DataFrame) -> list[str]:
    """Return remarks on the sessions, as lines of text."""
    notes = list(trials.attrs["notes"])
    if others := trials.attrs["left_out"]:
        named = ", ".join(f"{each['observer']}/{each['session']}" for each in others)
        notes.append(f"excluded, since they are of another set or experiment: {named}")
    if models := trials.attrs["models"]:
        notes.append(f"{models} sessions of models are skipped: distances predict their answers")
    return notes


def _tables_of_set(
    shown: StimulusSet, found: results.Results, metamers: Sequence[PixelMetamer]
) -> dict[str, pd.DataFrame]:
    """Return the tables of searches, recovery, shown images and pixel metamers."""
    listed = searches.add_warnings(searches.read_searches(shown), shown)
    tables = {
        "searches": listed[listed["run"].isin(found.trials["run"])],
        "stimuli": shown_images.list_shown_images(found.trials, shown.table),
    }
    if len(recovered := recoveries(shown)):
        tables["recovery"] = recovered
    if metamers:
        tables["against_pixels"] = pixel_metamers.table(metamers)
    return tables


def _with_people(
    shown: StimulusSet, found: results.Results, config: AnalysisConfig
) -> dict[str, pd.DataFrame]:
    """Return the tables of reaches and predicted thresholds, with people's thresholds."""

    def thresholds(rows: pd.DataFrame, *by: str) -> pd.DataFrame:
        keys = found.trials[[*by]].apply(tuple, axis=1)
        own = found.trials[keys.isin(rows[[*by]].apply(tuple, axis=1))]
        try:
            return physical_thresholds.group_thresholds(own, by, config)
        except InputError as error:
            found.left_out["people beside reaches and predictions"] = str(error)
            return pd.DataFrame()

    tables = {}
    if len(starts := shown.reach()):
        measured = thresholds(starts, "run")
        tables["reach"] = reaches.table(starts, measured, searches.read_searches(shown))
    if len(predictions := shown.predicted_thresholds()):
        measured = thresholds(predictions, "target", "attribute")
        along = predicted_thresholds.along_series(shown)
        every = pd.concat([predictions, along], ignore_index=True)
        tables["predicted_thresholds"] = predicted_thresholds.table(every, measured)
    return tables


def distances(shown: StimulusSet, trials: pd.DataFrame) -> dict[tuple[str, str], Distances]:
    """Return distances of every model and layer of a set within the families of the trials."""
    families = sorted(trials["family"].unique())
    return {
        (model, layer): {family: shown.distances(model, layer, family) for family in families}
        for model, layers in shown.models.items()
        for layer in layers
    }


def examples(shown: StimulusSet, trials: pd.DataFrame) -> dict[str, bytes]:
    """Return images of target, result and control of every condition: caption → PNG file."""
    table = shown.table.set_index("stimulus_id")
    pictures: dict[str, bytes] = {}
    ends = trials[trials["at_result"]]
    for (condition, target), cell in ends.groupby(["condition", "target"], sort=True):
        kinds = sorted(cell.groupby(["role", "verdict"]), key=lambda kind: kind[0][0] == CONTROL)
        for (role, verdict), own in kinds:
            images = own.filter(regex=r"^image_\d$").to_numpy().ravel()
            rows = table.loc[np.unique(images.astype(str))]
            kind = CONTROL if role == CONTROL else verdict
            for caption, chosen in (
                (f"{target}: target", rows[rows["role"] == "target"]),
                (f"{target}: {condition}, {kind}", rows[~rows["role"].isin(SHARED)]),
            ):
                if len(chosen) and caption not in pictures and len(pictures) < MOST_EXAMPLES:
                    pictures[caption] = eight_bit_png(shown.image(str(chosen.index[0])))
    return pictures

"""From a study's folder to its report: what `mrd analyse` does, for scripts and notebooks too."""

from collections.abc import Callable
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
)
from analysis.findings.source import REPORT, Source, findings_of, models_of
from analysis.report import files, images_of_dots
from analysis.statistics.model_observers import Distances
from analysis.trials import searches, sessions
from analysis.trials.frame import CONTROL
from psychophysics.data.bids_names import PEOPLE, SIMULATED
from scenes.base.atomic_files import check_writable
from scenes.base.errors import InputError
from stimuli.pixel_metamers import read_pixel_metamers
from stimuli.png import eight_bit_png
from stimuli.stimulus_set import StimulusSet

SET = "stimuli.h5"
MOST_EXAMPLES = 24
SHARED = ("target", "rerender")  # roles of what all series of a family share


@dataclass(frozen=True)
class Made:
    """What was made: the page, and all numbers as plain data."""

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
) -> Made:
    """Analyse a study and write its report.

    Parameters
    ----------
    folder
        Of the study: holds ``stimuli.h5`` and ``data/`` or ``data-simulated/``.
    name
        Of the study.
    config
        Its analysis section.
    simulated
        Whether ``data-simulated/`` is analysed.
    stimuli, out
        The set and the report's folder, if elsewhere. Sessions of other sets than a named one are
        left out and listed; without a name they are refused.
    like
        A participant, or ``participant/session``, whose experiment is analysed: sessions of others
        are left out and listed; without it they are refused.
    workers, seed, note
        As in `analysis.findings.results.analyse`.

    Raises
    ------
    InputError
        Something in the data is not as it has to be; nothing has been written then.
    """
    data = folder / (SIMULATED if simulated else PEOPLE)
    target = out or folder / REPORT
    with StimulusSet(stimuli or folder / SET) as shown:
        if not data.is_dir():
            raise InputError(
                f"{data}: there is no such folder; mrd experiment "
                f"{'simulate' if simulated else 'run'} makes it"
            )
        check_writable(target)
        note("reading sessions")
        trials = sessions.load(
            data,
            shown,
            apart=stimuli is not None,
            like=like,
            excluded=config.exclude.participants,
        )
        for text in trials.attrs["notes"]:
            note(text)
        if others := trials.attrs["left_out"]:
            named = ", ".join(f"{each['observer']}/{each['session']}" for each in others)
            note(f"left out, since they are of another set or experiment: {named}")
        if models := trials.attrs["models"]:
            note(f"{models} sessions of models are left out: models answer by their distances")
        made = results.analyse(
            trials,
            distances(shown, trials),
            config,
            workers=workers,
            seed=seed,
            note=note,
            source=str(data),
        )
        listed = searches.of(shown)
        made.tables["searches"] = listed[listed["run"].isin(made.trials["run"])]
        made.tables["stimuli"] = images_of_dots.table(made.trials, shown.table)
        beside = list(read_pixel_metamers(shown).values())
        if beside:
            made.tables["against_pixels"] = pixel_metamers.table(beside)
        made.tables |= _beside_people(shown, made, config)
        source = Source(
            name,
            data.name,
            trials.attrs["data_sha256"],
            shown.content_hash,
            bool((trials["kind"] == "simulated").any()),
            models_of(shown),
            seed,
            findings_of(shown),
        )
        note("figures and report")
        pictures = examples(shown, made.trials)
        trios = pixel_metamers.trios(beside)
        page = files.write(made, target, source, config, pictures, trios)
    return Made(page, files.as_json(made, source, config))


def _beside_people(
    shown: StimulusSet, made: results.Results, config: AnalysisConfig
) -> dict[str, pd.DataFrame]:
    """Tables of reaches and predicted thresholds, people's thresholds beside; those there are."""

    def thresholds(beside: pd.DataFrame, *by: str) -> pd.DataFrame:
        keys = made.trials[[*by]].apply(tuple, axis=1)
        its = made.trials[keys.isin(beside[[*by]].apply(tuple, axis=1))]
        try:
            return physical_thresholds.of_people(its, by, config)
        except InputError as error:
            made.left_out["people beside reaches and predictions"] = str(error)
            return pd.DataFrame()

    tables = {}
    if len(starts := shown.reach()):
        tables["reach"] = reaches.table(starts, thresholds(starts, "run"), searches.of(shown))
    if len(predictions := shown.predicted_thresholds()):
        measured = thresholds(predictions, "target", "attribute")
        every = pd.concat(
            [predictions, predicted_thresholds.along_series(shown)], ignore_index=True
        )
        tables["predicted_thresholds"] = predicted_thresholds.table(every, measured)
    return tables


def distances(shown: StimulusSet, trials: pd.DataFrame) -> dict[tuple[str, str], Distances]:
    """Distances of every model and layer of the set between the images of the families shown."""
    families = sorted(trials["family"].unique())
    return {
        (model, layer): {family: shown.distances(model, layer, family) for family in families}
        for model, layers in shown.models.items()
        for layer in layers
    }


def examples(shown: StimulusSet, trials: pd.DataFrame) -> dict[str, bytes]:
    """Target, end of the search and control beside it of every condition as PNG, by caption."""
    table = shown.table.set_index("stimulus_id")
    found: dict[str, bytes] = {}
    ends = trials[trials["at_result"]]
    for (condition, target), cell in ends.groupby(["condition", "target"], sort=True):
        kinds = sorted(cell.groupby(["role", "verdict"]), key=lambda kind: kind[0][0] == CONTROL)
        for (role, verdict), its in kinds:
            images = its.filter(regex=r"^image_\d$").to_numpy().ravel()
            rows = table.loc[np.unique(images.astype(str))]
            kind = CONTROL if role == CONTROL else verdict
            for caption, chosen in (
                (f"{target}: target", rows[rows["role"] == "target"]),
                (f"{target}: {condition}, {kind}", rows[~rows["role"].isin(SHARED)]),
            ):
                if len(chosen) and caption not in found and len(found) < MOST_EXAMPLES:
                    found[caption] = eight_bit_png(shown.image(str(chosen.index[0])))
    return found

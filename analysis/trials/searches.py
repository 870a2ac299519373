"""Searches in a stimulus set: the level and the verdict of each search's result.

In an interpolation the result is the last level. In a trajectory it is the first level above 0;
higher levels are earlier states of the search, farther from the target.
"""

from collections.abc import Mapping

import pandas as pd

from stimuli.second_judgement import OWN_LIGHT
from stimuli.stimulus_set import StimulusSet

METAMER, RESULT, PIXEL, NOT_SCORED = "metamer", "result", "pixel", "not judged"
APPLIES = "applies"  # class rule of a verdict at a camera


def read_searches(stimuli: StimulusSet) -> pd.DataFrame:
    """Return the searches of a set (`list_searches`)."""
    verdicts = {model: stimuli.verdicts(model) for model in stimuli.models}
    return list_searches(stimuli.table, verdicts)


def list_searches(images: pd.DataFrame, verdicts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Return a row for each search, from the set's table and the verdicts of each model.

    ``end`` is the level of the result, ``unit`` the unit of its physical distances. ``by_search``,
    ``on_stored`` and ``held_out`` are the criterion's verdicts (``metamer`` or ``result``): when
    the search ended, and on the stored images at its own and at held-out cameras under every light
    (``not judged`` if the model was not embedded). ``verdict`` is ``metamer`` if ``by_search`` is
    and ``on_stored`` is not ``result``, else ``result``; ``pixel`` for pixel searches.
    ``class_rule`` says whether the class counts on the stored images (empty if not known).
    """
    rules = _class_rules(verdicts)
    on_images = _stored_verdicts(verdicts)
    rows = []
    for _, end in images[_is_result(images)].drop_duplicates("run").iterrows():
        by_search = end["verdict"] or NOT_SCORED
        on_stored, held_out = (
            on_images.get((end["model"], end["run"], end["layer"], other_cameras), NOT_SCORED)
            for other_cameras in (False, True)
        )
        metamer = by_search == METAMER and on_stored != RESULT
        names = ("run", "target", "attribute", "model", "layer", "series_kind")
        row = {name: end[name] for name in names} | {
            "end": float(end["level"]),
            "unit": end["distance_measure"],
            "match": end["match"],
            "by_search": by_search,
            "on_stored": on_stored,
            "held_out": held_out,
            "class_rule": rules.get((end["model"], end["run"], end["layer"]), ""),
            "verdict": PIXEL if end["role"] == PIXEL else METAMER if metamer else RESULT,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def add_searches(trials: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """Add ``verdict``, ``unit`` and ``at_result`` (level of the result, controls too) to trials."""
    of_run = searches.set_index("run").reindex(trials["run"])
    # Sessions store levels with nine digits.
    near = (trials["level"].to_numpy() - of_run["end"].to_numpy()) ** 2 < 1e-16
    return trials.assign(
        verdict=of_run["verdict"].to_numpy(), unit=of_run["unit"].to_numpy(), at_result=near
    )


def add_warnings(searches: pd.DataFrame, stimuli: StimulusSet) -> pd.DataFrame:
    """Add the column ``warnings`` (how a search failed) to searches, if the set has any."""
    warned = stimuli.findings.warnings
    if not warned:
        return searches
    texts = [". ".join(warned[run]["warnings"]) if run in warned else "" for run in searches["run"]]
    return searches.assign(warnings=texts)


def _is_result(images: pd.DataFrame) -> pd.Series:
    """Return which images are results: by role, or in pixel searches the level of the result."""
    pixel = images["role"] == PIXEL
    last = images[pixel].groupby("run")["level_index"].max()
    last[images[pixel].groupby("run")["series_kind"].first() == "trajectory"] = 1
    return (images["role"] == RESULT) | (
        pixel & (images["level_index"] == images["run"].map(last).fillna(-1))
    )


def _class_rules(verdicts: Mapping[str, pd.DataFrame]) -> dict[tuple[str, str, str], str]:
    """Return at how many of its own cameras the class counts, for each (model, run, layers)."""
    texts = {}
    for model, rows in verdicts.items():
        if "class_rule" not in rows:
            continue  # embedded by an earlier version
        own = rows[
            (rows["role"] == RESULT) & (rows["light"] == OWN_LIGHT) & ~rows["held_out"].astype(bool)
        ]
        for (run, layers), cameras in own.groupby(["run", "layers"]):
            rules = cameras["class_rule"].dropna().tolist()
            text = f"applies at {rules.count(APPLIES)} of {len(rules)} cameras" if rules else ""
            if len(set(rules)) == 1 and rules[0] != APPLIES:
                text = rules[0]
            texts[model, str(run), str(layers)] = text
    return texts


def _stored_verdicts(
    verdicts: Mapping[str, pd.DataFrame],
) -> dict[tuple[str, str, str, bool], str]:
    """Return the verdict on stored images of each (model, run, layers, held-out cameras or not)."""
    by_result = {}
    for model, rows in verdicts.items():
        if rows.empty:
            continue
        of_results = rows[rows["role"] == RESULT].groupby(["run", "layers", "held_out"])
        for _, row in of_results["metamer"].all().reset_index().iterrows():
            key = (model, str(row["run"]), str(row["layers"]), bool(row["held_out"]))
            by_result[key] = METAMER if row["metamer"] else RESULT
    return by_result

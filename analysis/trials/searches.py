"""What a stimulus set tells of the searches whose series it holds: where each ends, and as what.

The end of a search is its result. In an interpolation it is the last level; along a trajectory it
is the first one above 0, and what follows are earlier states of the search, farther away.
"""

from collections.abc import Mapping

import pandas as pd

from stimuli.stimulus_set import StimulusSet

METAMER, RESULT, PIXEL, UNJUDGED = "metamer", "result", "pixel", "not judged"

Judged = tuple[str, str, str, bool]  # model, run, layers, held-out cameras


def of(stimuli: StimulusSet) -> pd.DataFrame:
    """List the searches of a set: `table` of what it holds."""
    return table(stimuli.table, {model: stimuli.verdicts(model) for model in stimuli.models})


def table(images: pd.DataFrame, verdicts: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """List searches.

    Parameters
    ----------
    images
        Table of a set.
    verdicts
        By model: what its criterion found on the stored images.

    Returns
    -------
    pandas.DataFrame
        A row a run: ``run``, ``target``, ``attribute``, ``model``, ``layer``, ``series_kind``,
        ``end`` (level of the result), ``unit`` (what its physical distances are), ``match``;
        ``by_search``, ``on_stored`` and ``held_out``: ``metamer`` or ``result``, as the criterion
        said when the search ended, and on the stored images at its own cameras and at others,
        under every light (``not judged`` where its model has not been embedded). ``verdict`` is
        ``metamer`` where the search said so and the stored images do not speak against it, else
        ``result``; ``pixel`` for pixel searches, which no criterion judges.
    """
    judged = _judged(verdicts)
    rows = []
    for _, end in images[_ends(images)].drop_duplicates("run").iterrows():
        by_search = end["verdict"] or UNJUDGED
        on_stored, held_out = (
            judged.get((end["model"], end["run"], end["layer"], where), UNJUDGED)
            for where in (False, True)
        )
        metamer = by_search == METAMER and on_stored != RESULT
        verdict = PIXEL if end["role"] == PIXEL else METAMER if metamer else RESULT
        names = ("run", "target", "attribute", "model", "layer", "series_kind")
        rows.append(
            {name: end[name] for name in names}
            | {"end": float(end["level"]), "unit": end["distance_measure"], "match": end["match"]}
            | {"by_search": by_search, "on_stored": on_stored, "held_out": held_out}
            | {"verdict": verdict}
        )
    return pd.DataFrame(rows)


def joined(trials: pd.DataFrame, searches: pd.DataFrame) -> pd.DataFrame:
    """Put beside every trial what is known of its search.

    Parameters
    ----------
    trials
        With a column ``run``.
    searches
        From `table`.

    Returns
    -------
    pandas.DataFrame
        The trials with ``verdict``, ``unit``, and ``at_result``: the trial shows the end of its
        search, or the control at its level.
    """
    known = searches.set_index("run")
    of_run = known.reindex(trials["run"])
    # Sessions hold levels to nine digits.
    near = (trials["level"].to_numpy() - of_run["end"].to_numpy()) ** 2 < 1e-16
    return trials.assign(
        verdict=of_run["verdict"].to_numpy(), unit=of_run["unit"].to_numpy(), at_result=near
    )


def _ends(images: pd.DataFrame) -> pd.Series:
    """Rows of results, and of the ends of pixel searches, which have no role of their own."""
    pixel = images["role"] == PIXEL
    last = images[pixel].groupby("run")["level_index"].max()
    last[images[pixel].groupby("run")["series_kind"].first() == "trajectory"] = 1
    return (images["role"] == RESULT) | (
        pixel & (images["level_index"] == images["run"].map(last).fillna(-1))
    )


def _judged(verdicts: Mapping[str, pd.DataFrame]) -> Mapping[Judged, str]:
    """What each embedded model's criterion found of results on the stored images."""
    found: dict[Judged, str] = {}
    for model, rows in verdicts.items():
        if rows.empty:
            continue
        rows = rows[rows["role"] == RESULT]
        each = rows.groupby(["run", "layers", "held_out"])["metamer"].all().reset_index()
        for _, row in each.iterrows():
            key = (model, str(row["run"]), str(row["layers"]), bool(row["held_out"]))
            found[key] = METAMER if row["metamer"] else RESULT
    return found

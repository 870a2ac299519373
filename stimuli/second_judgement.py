"""Verdicts on the stored images, compared with the verdicts at the end of each search.

The criterion is applied when a search ends, and again when the set is embedded: to the images that
people see, which have other noise and are rounded. A result that is a metamer only by the first
verdict should not be reported as one.
"""

import pandas as pd

from stimuli.stimulus_set import StimulusSet

OWN_LIGHT = "own"  # the light of the search; a family may be shown under others as well
COLUMNS = ("run", "layers", "light", "own", "before", "now", "reason")


def second_judgement(stimuli: StimulusSet, model: str) -> pd.DataFrame:
    """Return which results are metamers on the stored images, at the training cameras.

    Parameters
    ----------
    stimuli
        The set.
    model
        An embedded model.

    Returns
    -------
    DataFrame
        A row for each result, light and set of layers: ``run``, ``layers`` (joined by ``;``),
        ``light``, ``own`` (whether the search used this model and these layers), ``before``
        (whether the result was a metamer at the end of the search, under the search's light),
        ``now``, and ``reason`` (why it is no metamer now; empty if it is).

    Raises
    ------
    InputError
        The model has not been embedded.
    """
    verdicts = stimuli.verdicts(model)
    if verdicts.empty:
        return pd.DataFrame(columns=list(COLUMNS))
    table = stimuli.table
    results = table[table["role"] == "result"].drop_duplicates("run").set_index("run")
    scored = verdicts[(verdicts["role"] == "result") & ~verdicts["held_out"].astype(bool)]
    rows = []
    for (run, layers, light), cameras in scored.groupby(["run", "layers", "light"], sort=False):
        search = results.loc[str(run)]
        rows.append(
            {
                "run": run,
                "layers": layers,
                "light": light,
                "own": (search["model"], search["layer"]) == (model, layers),
                "before": search["verdict"] == "metamer",
                "now": bool(cameras["metamer"].all()),
                "reason": _reason(cameras),
            }
        )
    return pd.DataFrame(rows, columns=list(COLUMNS))


def in_words(verdicts: pd.DataFrame) -> list[str]:
    """Describe `second_judgement` in lines: how many results are metamers, and what changed."""
    lines = []
    for (layers, light), rows in verdicts.groupby(["layers", "light"], sort=False):
        where = [
            f"{name} {value}"
            for name, value in (("layers", layers), ("light", light))
            if verdicts[name].nunique() > 1
        ]
        place = f" ({', '.join(where)})" if where else ""
        lines.append(f"metamers on the stored images{place}: {_counts(rows)}")
        if light == OWN_LIGHT:  # the only light with a verdict of the search
            lines += _changes(rows[rows["own"]])
    return lines


def _counts(rows: pd.DataFrame) -> str:
    kinds = (
        (rows[rows["own"]], "results of its own searches"),
        (rows[~rows["own"]], "other results"),
    )
    return ", ".join(
        f"{int(results['now'].sum())} of {len(results)} {whose}"
        for results, whose in kinds
        if len(results)
    )


def _changes(own: pd.DataFrame) -> list[str]:
    lost, gained = own[own["before"] & ~own["now"]], own[~own["before"] & own["now"]]
    return [
        *(f"no metamer any more: {row.run}: {row.reason}" for row in lost.itertuples()),
        *(f"a metamer only now: {row.run}" for row in gained.itertuples()),
    ]


def _reason(cameras: pd.DataFrame) -> str:
    """Return why a result is no metamer, camera by camera; "" for a metamer."""
    failed = cameras[~cameras["passed"].astype(bool)]
    if failed.empty and cameras["target_again"].any():
        return "it is the target again"
    return ", ".join(f"{row.camera}: {row.failed}" for row in failed.itertuples())

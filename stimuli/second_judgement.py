"""Results of searches as models judge them on the stored images, beside what was found before.

The criterion was judged once when a search ended, and again when the set was embedded: on the
images that people see, with fresh noise and rounded. A result that the first judgement alone calls
a metamer is none to report.
"""

import pandas as pd

from stimuli.stimulus_set import StimulusSet

OWN_LIGHT = "own"  # the light of the search; a family may be shown under others as well
COLUMNS = ("run", "layers", "light", "own", "before", "now", "reason")


def second_judgement(stimuli: StimulusSet, model: str) -> pd.DataFrame:
    """Tell which results are metamers on the stored images, at the training cameras.

    Parameters
    ----------
    stimuli
        The set.
    model
        An embedded model.

    Returns
    -------
    DataFrame
        A row a result, light, and set of layers that was judged: ``run``, ``layers`` (joined by
        ``;``), ``light``, ``own`` (whether the search looked at this very model and these layers),
        ``before`` (whether the search's own model found a metamer, when it ended, under the
        search's own light), ``now``, and ``reason`` (why it is none now).

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
    judged = verdicts[(verdicts["role"] == "result") & ~verdicts["held_out"].astype(bool)]
    rows = []
    for (run, layers, light), cameras in judged.groupby(["run", "layers", "light"], sort=False):
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


def in_words(judged: pd.DataFrame) -> list[str]:
    """Say it in lines: how many results are metamers, and which of them have changed.

    Parameters
    ----------
    judged
        Of `second_judgement`.
    """
    lines = []
    for (layers, light), rows in judged.groupby(["layers", "light"], sort=False):
        where = [
            f"{name} {value}"
            for name, value in (("layers", layers), ("light", light))
            if judged[name].nunique() > 1
        ]
        place = f" ({', '.join(where)})" if where else ""
        lines.append(f"metamers on the stored images{place}: {_counts(rows)}")
        if light == OWN_LIGHT:  # the one that was judged before
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
    """Why a result is no metamer, camera by camera; empty for one that is."""
    failed = cameras[~cameras["passed"].astype(bool)]
    if failed.empty and cameras["target_again"].any():
        return "it is the target again"
    return ", ".join(f"{row.camera}: {row.failed}" for row in failed.itertuples())

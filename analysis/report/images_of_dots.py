"""Which images stand behind a dot of a figure: the way from a level back to its stimuli."""

import pandas as pd

from analysis.trials.frame import controls_apart

CELL = ["condition", "target", "level", "x"]


def table(trials: pd.DataFrame, stimuli: pd.DataFrame) -> pd.DataFrame:
    """List the images of every condition and level that was analysed.

    Parameters
    ----------
    trials
        Those that were analysed: `analysis.trials.sessions.load`, with the stimulus axis as `x`.
    stimuli
        Table of the set that was shown.

    Returns
    -------
    pandas.DataFrame
        A row an image of a cell: ``condition`` (that of the curve: controls are named apart),
        ``target``, ``level``, ``x`` (where the dot stands), ``stimulus_id``, ``role`` and ``run``
        of the image, and of the trials that showed it: ``trials``, ``correct``, ``observers``.
    """
    named = trials.assign(condition=controls_apart(trials))
    images = [name for name in trials.columns if name.startswith("image_")]
    seen = named.melt([*CELL, "observer", "correct"], images, value_name="stimulus_id")
    cells = seen.groupby([*CELL, "stimulus_id"], sort=True).agg(
        trials=("correct", "size"), correct=("correct", "sum"), observers=("observer", "nunique")
    )
    known = stimuli[["stimulus_id", "role", "run"]]
    made = cells.reset_index().merge(known, on="stimulus_id", how="left", validate="many_to_one")
    return made[[*CELL, "stimulus_id", "role", "run", "trials", "correct", "observers"]]

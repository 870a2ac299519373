"""The images that were shown for each point of a figure."""

import pandas as pd

from analysis.trials.frame import curve_names

CELL = ["condition", "target", "level", "x"]


def list_shown_images(trials: pd.DataFrame, stimuli: pd.DataFrame) -> pd.DataFrame:
    """Return the images of every condition and level, with the trials that showed them.

    `x` is the position of the point; ``condition`` is that of the curve (controls have their own);
    ``role`` and ``run`` are those of the image.
    """
    named = trials.assign(condition=curve_names(trials))
    images = [name for name in trials.columns if name.startswith("image_")]
    seen = named.melt([*CELL, "observer", "correct"], images, value_name="stimulus_id")
    cells = seen.groupby([*CELL, "stimulus_id"], sort=True).agg(
        trials=("correct", "size"), correct=("correct", "sum"), observers=("observer", "nunique")
    )
    known = stimuli[["stimulus_id", "role", "run"]]
    both = cells.reset_index().merge(known, on="stimulus_id", how="left", validate="many_to_one")
    return both[[*CELL, "stimulus_id", "role", "run", "trials", "correct", "observers"]]

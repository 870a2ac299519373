"""Correction of p values for the number of tests."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


def holm(p: Sequence[float] | pd.Series) -> np.ndarray:
    """Return p values corrected for their number (Holm 1979); NaN stays NaN and is not counted.

    statsmodels' `multipletests` runs the garbage collector in every call, which takes longer than
    most analyses.
    """
    corrected = np.asarray(p, dtype=float).copy()
    known = np.flatnonzero(np.isfinite(corrected))
    ascending = known[np.argsort(corrected[known])]
    steps = corrected[ascending] * np.arange(len(ascending), 0, -1)
    corrected[ascending] = np.minimum(np.maximum.accumulate(steps), 1)
    return corrected

"""psignifit's published example: its figures come out of our table.

With its own priors psignifit returns the published figures. Our ranges and priors are other ones
(docs/analysis.md), and ours agree with these to .2 %: a twentieth of the threshold's standard error
(3.9 %).
"""

import numpy as np
import pandas as pd
import pytest
from psignifit import psignifit

from analysis.statistics import psychometric
from analysis.trials.load import from_table

LEVELS = [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 6.0, 7.0, 8.0, 10.0]  # in thousandths
HITS = [45, 50, 44, 44, 52, 53, 62, 64, 76, 79, 88, 90, 90]


def test_psignifit_example():
    frame = pd.DataFrame({"level": [each / 1000 for each in LEVELS], "correct": HITS, "n": 90})
    frame = frame.assign(observer="example", condition="example", stimulus="example")
    data = np.column_stack([frame["level"], frame["correct"], frame["n"]])
    own = psignifit(data, sigmoid="norm", experiment_type="2AFC").parameter_estimate_MAP
    assert own["threshold"] == pytest.approx(0.0046464, rel=1e-4)
    assert own["width"] == pytest.approx(0.0046632, rel=1e-4)
    row = psychometric.fit(from_table(frame, task="2afc"), curve="norm").iloc[0]
    assert row["threshold"] == pytest.approx(0.0046464, rel=2e-3)
    assert row["width"] == pytest.approx(0.0046632, rel=2e-3)
    assert row["measurable"] == "measured"

"""senspy, a port of R's sensR, agrees on oddity (the triangle test) and same–different."""

import numpy as np
import pytest
from senspy import psy_fun, samediff

from analysis import sensitivity


def test_oddity():
    d = np.array([0.0, 0.3, 1.0, 2.0, 3.5])
    ours = sensitivity.proportion_correct(d, task="oddity", decision_model="differencing")
    assert ours == pytest.approx(psy_fun(d, method="triangle"), abs=1e-6)


@pytest.mark.parametrize("counts", [(80, 20, 30, 70), (8, 5, 4, 9), (60, 40, 20, 80)])
def test_same_different(counts):
    # Answers "same" and "different" to pairs of the same, then to pairs of different ones.
    same_same, different_same, same_different, different_different = counts
    hits = different_different / (same_different + different_different)
    false_alarms = different_same / (same_same + different_same)
    ours = sensitivity.dprime_from_rates(hits, false_alarms, decision_model="differencing")
    assert ours == pytest.approx(samediff(*counts).delta, abs=1e-3)

"""senspy, a port of R's sensR, agrees on oddity (the triangle test) and same–different."""

import numpy as np
import pandas as pd
import pytest
from senspy import discrim, psy_fun, samediff

from analysis.statistics import sensitivity


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


@pytest.mark.parametrize(("method", "task"), [("triangle", "oddity"), ("twoafc", "2afc")])
@pytest.mark.parametrize(("correct", "n"), [(42, 100), (20, 30), (38, 40), (10, 10)])
def test_limits_of_forced_choice(method, task, correct, n):
    frame = {"observer": ["o"], "condition": "c", "level": 1.0, "correct": correct, "n": n}
    row = sensitivity.table(pd.DataFrame(frame).assign(task=task)).iloc[0]
    limits = [row[f"dprime_differencing_{end}"] for end in ("low", "high")]
    assert limits == pytest.approx(discrim(correct, n, method=method).confint(), abs=1e-6)


@pytest.mark.parametrize("counts", [(790, 210, 270, 730), (270, 730, 210, 790)])
def test_width_of_same_different(counts):
    """With 1000 pairs of either kind, limits are 1.96 standard errors from d′ (to 6 %)."""
    same_same, different_same, same_different, different_different = counts
    rows = [
        {"level": 0.0, "correct": same_same, "n": same_same + different_same},
        {"level": 1.0, "correct": different_different, "n": same_different + different_different},
    ]
    frame = pd.DataFrame(rows).assign(observer="o", condition="c", task="same_different")
    row = sensitivity.table(frame).iloc[0]
    half = (row["dprime_differencing_high"] - row["dprime_differencing_low"]) / 2
    assert half == pytest.approx(1.96 * samediff(*counts).se_delta, rel=0.06)

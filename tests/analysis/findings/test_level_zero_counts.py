"""Level 0 in same–different with many trials: a p value in time, next to the exact one."""

import pandas as pd
import pytest

from analysis.statistics import level_zero
from analysis.trials.load import from_table


def p_of(hits, n, wrong, same):
    frame = pd.DataFrame(
        {"same": [False, True], "correct": [hits, same - wrong], "n": [n, same], "level": 0.0}
    )
    named = frame.assign(observer="a", condition="c", stimulus=["s", "t"])
    return level_zero.level_zero(from_table(named, task="same_different"))["p"].item()


def test_many_trials_have_a_p_value():
    assert p_of(20_000, 100_000, 20_000, 100_000) == pytest.approx(0.5)
    assert p_of(20_700, 100_000, 20_000, 100_000) < 1e-3
    assert p_of(100_000, 100_000, 100_000, 100_000) == 1


def test_it_agrees_with_the_exact_test_where_both_can_be_had(monkeypatch):
    exact = p_of(70, 200, 55, 200)
    monkeypatch.setattr(level_zero, "MOST_TABLES", 0)
    assert p_of(70, 200, 55, 200) == pytest.approx(exact, abs=0.015)

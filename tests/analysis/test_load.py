"""Anyone's table: what is taken, and what is refused with row, column, value and reason."""

import pandas as pd
import pytest

from analysis.load import from_table
from scenes.errors import InputError

THEIRS = {
    "observer": "subj",
    "condition": "cond",
    "stimulus": "img",
    "level": "x",
    "correct": "hit",
}


def table(**columns):
    return pd.DataFrame(
        {"subj": [1, 1, 2], "cond": "a", "img": "i", "x": [0.1, 0.2, 0.1], "hit": [1, 0, 1]}
        | columns
    )


def test_their_names_become_ours():
    trials = from_table(table(junk=3), THEIRS, task="2afc")
    assert list(trials) == ["observer", "condition", "stimulus", "level", "n", "correct", "task"]
    assert list(trials["observer"]) == ["1", "1", "2"]
    assert (trials["n"] == 1).all()


def test_counts_and_same_trials():
    trials = from_table(
        table(hit=[30, 0, 5], n=[40, 10, 5], s=["True", "false", "true"]),
        {**THEIRS, "same": "s"},
        task="same_different",
    )
    assert list(trials["correct"]) == [30, 0, 5]
    assert list(trials["same"]) == [True, False, True]


@pytest.mark.parametrize(
    ("frame", "columns", "message"),
    [
        (table().drop(columns="hit"), THEIRS, r"column 'hit' \(our correct\) is missing; .*there:"),
        (table(), {**THEIRS, "levle": "x"}, "'levle' is none of ours; did you mean 'level'"),
        (table(hit=[1, 2, 0]), THEIRS, "row 1, column 'hit': 2: right answers: 0 or 1"),
        (table(hit=[1, "yes", 0]), THEIRS, "row 1, column 'hit': 'yes': not a finite number"),
        (table(x=[1, None, 2]), THEIRS, "row 1, column 'x': nan: not a finite number"),
        (table(subj=["a", None, "b"]), THEIRS, "row 1, column 'subj': .*nothing is there"),
        (table(n=[5, 0, 5]), THEIRS, "row 1, column 'n': 0: use a whole number of trials"),
        (table(hit=[3, 6, 1], n=5), THEIRS, "row 1, column 'hit': 6: .* from 0 to n = 5"),
        (table(trial=[1, 1, 1]), THEIRS, r"row 1, column 'trial': 1: .*twice \(first in row 0\)"),
        (table(unit=["cm", "deg", "cm"]), THEIRS, r"condition 'a' mixes units of level \(cm, deg"),
        (table(same=["yes", "no", "no"]), THEIRS, "row 0, column 'same': 'yes': use true or false"),
        (table().head(0), THEIRS, "the table has no rows"),
    ],
)
def test_refusals(frame, columns, message):
    with pytest.raises(InputError, match=message):
        from_table(frame, columns, task="same_different" if "same" in frame else "2afc")


def test_unknown_task():
    with pytest.raises(InputError, match="did you mean 'oddity'"):
        from_table(table(), THEIRS, task="odity")

"""Anyone's table: what is taken, and what is refused with row, column, value and reason."""

import numpy as np
import pandas as pd
import pytest

from analysis.statistics import (
    consistency,
    equivalence,
    invariance,
    level_zero,
    mixed_models,
    psychometric,
    sensitivity,
)
from analysis.trials.load import from_table
from scenes.base.errors import InputError

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
        (
            table().drop(columns="hit"),
            THEIRS,
            r"column 'hit' \(our correct\) is missing; .*of the table:",
        ),
        (
            table(),
            {**THEIRS, "levle": "x"},
            "'levle' is not one of our columns; did you mean 'level'",
        ),
        (table(hit=[1, 2, 0]), THEIRS, "row 1, column 'hit': 2: correct answers: 0 or 1"),
        (table(hit=[1, "yes", 0]), THEIRS, "row 1, column 'hit': 'yes': not a finite number"),
        (table(x=[1, None, 2]), THEIRS, "row 1, column 'x': nan: not a finite number"),
        (table(subj=["a", None, "b"]), THEIRS, "row 1, column 'subj': .*the cell is empty"),
        (table(n=[5, 0, 5]), THEIRS, "row 1, column 'n': 0: use a whole number of trials"),
        (table(n=[5, 1e30, 5]), THEIRS, "row 1, column 'n': 1e.30: use a whole number of trials"),
        (
            table(target=["a", None, "b"]),
            THEIRS,
            "row 1, column 'target': .*: the cell is empty",
        ),
        (table(trial=[1, np.nan, 2]), THEIRS, "row 1, column 'trial': nan: .*drop the column"),
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


def test_every_analysis_takes_the_frame():
    """The columns of `from_table` are sufficient."""
    rng = np.random.default_rng(1)
    rows = [
        (observer, condition, f"{condition}{number % 8}", level, int(rng.random() < p))
        for observer in "abc"
        for condition in ("face", "car")
        for level, p in ((0.0, 1 / 3), (0.2, 0.5), (0.5, 0.8), (1.0, 0.95))
        for number in range(16)
    ]
    columns = ["observer", "condition", "stimulus", "level", "correct"]
    trials = from_table(pd.DataFrame(rows, columns=columns), task="oddity")
    assert len(psychometric.fit(trials, overdispersion=False)) == 6
    assert len(sensitivity.table(trials)) == 3 * 2 * 4
    assert len(mixed_models.fit(trials)) == 2
    assert len(consistency.agreement(trials, draws=10)) == 2 * 3
    assert len(invariance.compare(trials, trials[trials["observer"] == "a"])) == 2
    assert len(equivalence.equivalence(trials[trials["level"] == 0.2])) == 2
    assert list(level_zero.level_zero(trials)["trials"]) == [48, 48]


def test_a_file_of_another_lab(tmp_path):
    """CSV in, thresholds out, as the manual shows it."""
    path = tmp_path / "theirs.csv"
    counts = [(0.1, 52), (0.2, 61), (0.4, 80), (0.7, 95), (1.0, 98)]
    lines = [f"ann,faces,f1,{level},{hits},100" for level, hits in counts]
    path.write_text("\n".join(["subj,cond,img,x,hit,of", *lines]))
    trials = from_table(pd.read_csv(path), {**THEIRS, "n": "of"}, task="2afc", source=str(path))
    row = psychometric.fit(trials, overdispersion=False).iloc[0]
    # Half way between .5 and about .98 is .74, between levels .2 (.61) and .4 (.80).
    assert 0.25 < row["threshold"] < 0.4

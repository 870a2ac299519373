"""Exclusions: each rule alone, counted and listed."""

import numpy as np
import pytest

from analysis.config import ExclusionsConfig
from analysis.trials import exclusions
from scenes.base.errors import InputError

RULES = ExclusionsConfig()


def test_nothing_to_leave_out(trials):
    kept, catch, excluded = exclusions.apply(trials, RULES)
    assert len(kept) == (trials["phase"] == "main").sum()
    assert (kept["phase"] == "main").all()
    assert len(catch) == 4
    assert list(excluded) == exclusions.COLUMNS
    assert excluded.empty


def test_whole_sessions(trials):
    changed = trials.copy()
    changed.loc[changed["observer"] == "02", "finished"] = False
    failed = (changed["observer"] == "03") & (changed["phase"] == "catch")
    changed.loc[failed, "correct"] = 0
    kept, _, excluded = exclusions.apply(changed, ExclusionsConfig(participants=("01",)))
    assert set(kept["observer"]) == {"04"}
    assert dict(zip(excluded["observer"], excluded["rule"], strict=True)) == {
        "01": "participants",
        "02": "unfinished",
        "03": "catch",
    }
    assert (excluded["trials"] == len(kept)).all()
    assert "0.00 of 8 answered catch trials correct, at least 0.75 required" in set(
        excluded["detail"]
    )


def test_single_trials(trials):
    changed = trials.copy()
    main = np.flatnonzero((changed["phase"] == "main") & (changed["observer"] == "01"))
    time, dropped = (changed.columns.get_loc(name) for name in ("response_time", "dropped"))
    changed.iloc[main[:3], time] = 0.05
    changed.iloc[main[3:5], time] = 99.0
    changed.iloc[main[5:6], dropped] = 7
    kept, _, excluded = exclusions.apply(changed, RULES)
    assert excluded.set_index("rule")["trials"].to_dict() == {
        "fastest": 3,
        "slowest": 2,
        "dropped_frames": 1,
    }
    assert len(kept) == (trials["phase"] == "main").sum() - 6


def test_trials_without_an_answer_are_no_wrong_answers(trials):
    changed = trials.copy()
    mine = changed["observer"] == "01"
    main = np.flatnonzero((changed["phase"] == "main") & mine)[:5]
    catch = np.flatnonzero((changed["phase"] == "catch") & mine)
    every = np.flatnonzero((changed["phase"] == "catch") & (changed["observer"] == "02"))
    missed = np.concatenate([main, catch[:3], every])
    for column, value in (("response", "n/a"), ("correct", 0), ("response_time", np.nan)):
        changed.iloc[missed, changed.columns.get_loc(column)] = value
    changed.iloc[catch[3:], changed.columns.get_loc("correct")] = 1

    kept, catch_trials, excluded = exclusions.apply(changed, RULES)
    assert excluded.set_index(["rule", "observer"])["trials"].to_dict() == {
        ("unanswered", "01"): 5,
        ("catch", "02"): (trials["phase"] == "main").sum() // 4,  # not one was answered
    }
    assert (kept["response"] != "n/a").all()
    own = catch_trials.set_index("observer").loc["01"]
    assert (own["trials"], own["unanswered"], own["proportion"]) == (8, 3, 1.0)

    as_wrong = exclusions.apply(changed, ExclusionsConfig(unanswered=False, catch=0))
    assert len(as_wrong[0]) == (trials["phase"] == "main").sum()
    assert as_wrong[1].set_index("observer").loc["01", "proportion"] == 5 / 8


def test_unknown_participant(trials):
    with pytest.raises(InputError, match="there are no data of 9; participants: 01, 02"):
        exclusions.apply(trials, ExclusionsConfig(participants=("9",)))


def test_nothing_left(trials):
    everyone = tuple(trials["observer"].unique())
    count = len(trials[trials["phase"] == "main"])
    why = rf"participants excluded {count} \(participant .*: named in the study\)"
    with pytest.raises(InputError, match=rf"no trial is left; {why}; loosen"):
        exclusions.apply(trials, ExclusionsConfig(participants=everyone))

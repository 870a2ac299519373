"""Sessions keep their recorded rules of counterbalancing and of QUEST+."""

import json
import shutil

import pytest

from psychophysics import experiment
from psychophysics.answer import Stopped
from psychophysics.data import bids_names, data_set, records
from psychophysics.observers import Psychometric, SimulatedObserver
from psychophysics.web import importing, plan
from scenes.base.errors import InputError
from tests.paths import DATA
from tests.psychophysics.web.answers import as_json, saved_session

CODES = tuple(f"p{number}" for number in range(8))
FOLLOWS = Psychometric(threshold=0.5, width=1.0, lapse=0.04)


@pytest.fixture(scope="module")
def asked(small_experiment):
    """Two blocks: in rule 1 each first block had always the same keys."""
    return small_experiment(
        blocks="attribute", swap_keys=True, comparisons=["result"],
        procedure={"kind": "constant_stimuli", "trials": 1},
    )  # fmt: skip


class Leaving(SimulatedObserver):
    """Ends the sitting after three trials."""

    def answer(self, trial):
        if trial.number > 3:
            raise Stopped
        return super().answer(trial)


def run(asked, folder, seat, kind=SimulatedObserver):
    def observer(_seat, rng):
        return kind(FOLLOWS, asked.task, rng)

    return experiment.run(asked, seat, folder, observer, {}, durable=False)


def seated(asked, folder, code, visit="01"):
    return experiment.seat(asked, folder, code, visit, "simulated")


def of_rule_1(asked, folder, code, visit="01"):
    number = data_set.enrol(folder, "small", code, "simulated")
    return experiment.make_seat(asked, code, visit, "simulated", number, 1)


def sidecar(asked, folder, code, visit="01"):
    path = bids_names.table_path(folder, code, visit, asked.task).with_suffix(".json")
    return path, json.loads(path.read_text(encoding="utf-8"))


def test_sessions_name_the_rule_and_cross_blocks_with_keys(asked, tmp_path):
    met = {}
    for code in CODES:
        seat = seated(asked, tmp_path, code)
        run(asked, tmp_path, seat)
        facts = sidecar(asked, tmp_path, code)[1]["Session"]
        assert facts["Counterbalance"] == 2
        pair = (facts["Blocks"][0], facts["Keys"]["first"])
        met[pair] = met.get(pair, 0) + 1
    pairs = [(block, key) for block in ("material", "shape") for key in "13"]
    assert met == dict.fromkeys(pairs, 2)


def test_a_session_of_rule_1_keeps_it(asked, tmp_path):
    """Number 2 has swapped keys by rule 2, not by rule 1."""
    for code in CODES[:2]:
        seated(asked, tmp_path, code)
    old = of_rule_1(asked, tmp_path, "p2")
    assert run(asked, tmp_path, old, Leaving).finished is False
    assert "Counterbalance" not in sidecar(asked, tmp_path, "p2")[1]["Session"]
    seat = seated(asked, tmp_path, "p2")
    assert (seat.number, seat.rule, seat.keys) == (2, 1, ("1", "2", "3"))
    experiment.check_open(asked, seat, tmp_path)
    assert run(asked, tmp_path, seat).finished
    assert set(sidecar(asked, tmp_path, "p2")[1]["Session"]["Keys"].values()) == set("123")
    with pytest.raises(records.SessionFinished, match="is finished"):
        run(asked, tmp_path, seated(asked, tmp_path, "p2"))
    # A second session of the same person has the keys that they know; a new person has rule 2.
    assert seated(asked, tmp_path, "p2", "02").keys == seat.keys
    assert seated(asked, tmp_path, "p3").rule == 2
    assert experiment.make_seat(asked, "p9", "01", "simulated", 2).keys == ("3", "2", "1")


def test_an_unknown_rule_is_an_error(asked, tmp_path):
    run(asked, tmp_path, seated(asked, tmp_path, "p0"), Leaving)
    path, content = sidecar(asked, tmp_path, "p0")
    content["Session"]["Counterbalance"] = 3
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(InputError, match=r"json: Session: Counterbalance: 3, .* 1 to 2; update"):
        seated(asked, tmp_path, "p0")


# ---- QUEST+ of an earlier version ---------------------------------------------------------------

FORMER = [0.05, 0.15, 0.3, 0.5]  # false-alarm rates, which descriptions name in every task
QUEST_PLUS = {"kind": "quest_plus", "trials": 20, "trials_at_zero": 2}


@pytest.fixture(params=["oddity", "same_different"])
def former(request, tmp_path, small_experiment):
    """Return sessions with the former default (01 finished, 02 not), and their experiment."""
    recorded = DATA / "sessions_quest_plus" / request.param
    data = shutil.copytree(recorded, tmp_path / "data")

    def asked(**chosen):
        timing = {"fixation": 0.1, "stimulus": 0.1, "blank": 0.1, "interval": 0.2, "feedback": 0.1}
        return small_experiment(
            task=request.param, attributes=["shape"], comparisons=["result"], timing=timing,
            procedure=QUEST_PLUS | chosen,
        )  # fmt: skip

    return data, asked


def as_person(asked, data, code):
    said = []
    seat = experiment.seat(asked, data, code, "01", "person", said.append)
    assert said == []
    experiment.check_open(asked, seat, data)
    return run(asked, data, seat)


def rates_of(asked, data, code):
    return sidecar(asked, data, code)[1]["Session"]["Experiment"]["procedure"]["false_alarms"]


def test_sessions_with_the_former_false_alarm_rates_are_resumed(former):
    data, ask = former
    asked = ask()
    with pytest.raises(records.SessionFinished, match="is finished"):
        as_person(asked, data, "01")
    outcome = as_person(asked, data, "02")
    assert (outcome.finished, outcome.trials) == (True, 22)
    assert rates_of(asked, data, "02") == FORMER
    assert as_person(asked, data, "03").finished
    usual = [*FORMER, 0.7, 0.9] if asked.task.name == "same_different" else None
    assert rates_of(asked, data, "03") == usual


def test_rates_of_the_study_are_used_in_tasks_where_they_have_an_effect(former):
    data, ask = former
    asked = ask(false_alarms=[0.1, 0.2])
    if asked.task.name == "same_different":
        with pytest.raises(
            records.SessionChanged, match=r"procedure\.false_alarms: \[0\.05, .* 0\.2\] now"
        ):
            as_person(asked, data, "02")
    else:
        assert as_person(asked, data, "02").finished


@pytest.mark.parametrize("rates", [None, 0.5, [], ["x"], [2.0], {"a": 1}])
def test_damaged_rates_are_an_error(former, rates):
    data, ask = former
    path, content = sidecar(ask(), data, "02")
    content["Session"]["Experiment"]["procedure"]["false_alarms"] = rates
    path.write_text(json.dumps(content), encoding="utf-8")
    if rates is None and content["TaskName"] == "oddity":
        assert as_person(ask(), data, "02").finished
    else:
        with pytest.raises(records.SessionChanged, match=r"procedure\.false_alarms"):
            as_person(ask(), data, "02")


def test_a_session_is_not_resumed_with_other_grids(former):
    data, ask = former
    with pytest.raises(records.SessionChanged, match=r"another Experiment \(procedure\.lapses: "):
        as_person(ask(lapses=[0.0, 0.1]), data, "02")


# ---- In a browser --------------------------------------------------------------------------------


def page_saved(asked, seat, path):
    """Write what a page saves for a seat, with all answers right."""
    content = saved_session(asked, seat, lambda trial: trial.arrangement.correct)
    path.write_bytes(as_json(content))
    return path


@pytest.mark.parametrize(("rule", "first"), [(1, "1"), (2, "3")])
def test_pages_keep_their_rule(asked, tmp_path, rule, first):
    seat = plan.make_seat(asked, 2, "01", rule)
    path = page_saved(asked, seat, tmp_path / "saved.json")
    [session] = importing.check_files(asked, [path], tmp_path / "data")
    assert session.seat == seat
    [outcome] = importing.store(asked, [session], tmp_path / "data")
    assert outcome.finished
    facts = sidecar(asked, tmp_path / "data", "web03")[1]["Session"]
    assert facts["Keys"]["first"] == first
    assert facts.get("Counterbalance") == (None if rule == 1 else 2)


def test_the_page_has_the_new_rule(asked):
    own = [plan.participant(asked, plan.make_seat(asked, number, "01")) for number in range(4)]
    assert {each["facts"]["Counterbalance"] for each in own} == {2}
    assert len({(each["facts"]["Blocks"][0], each["keys"][0]["name"]) for each in own}) == 4


def test_another_saved_rule_is_an_error(asked, tmp_path):
    path = page_saved(asked, plan.make_seat(asked, 2, "01", 1), tmp_path / "saved.json")
    content = json.loads(path.read_text(encoding="utf-8"))
    for rule, message in (
        (2, r"made with another Keys \(first: 1 then, 3 now"),
        ("2", r"saved.json: facts: Counterbalance: \"2\", and this version"),
    ):
        content["facts"]["Counterbalance"] = rule
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(InputError, match=message):
            importing.check_files(asked, [path], tmp_path / "data")

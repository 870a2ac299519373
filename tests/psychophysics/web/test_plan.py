"""Data of the page: trials, pages, keys."""

import json

import pytest

from psychophysics import experiment, pages, session
from psychophysics.answer import Answer
from psychophysics.data import columns
from psychophysics.data.participants import page_code
from psychophysics.observers import ComputedObserver
from psychophysics.schedule import schedule
from psychophysics.web import plan
from psychophysics.web.keys import KEYS, browser_keys
from scenes.base.errors import InputError
from tests.psychophysics.web.answers import trials_of


class Noting(ComputedObserver):
    """Answers wrongly in the first round of practice only, and notes pages before trials."""

    def __init__(self):
        self.pages = {}

    def answer(self, trial):
        return Answer(trial.arrangement.correct if trial.number > 4 else None)

    def rest(self, trial, done):
        self.pages[trial.number] = done


@pytest.mark.parametrize("blocks", [None, "attribute"])
def test_trials_and_pages_are_those_of_a_session(small_experiment, tmp_path, blocks):
    """With two rounds of practice, the plan agrees with the session loop."""
    asked = small_experiment(
        procedure={"kind": "constant_stimuli", "trials": 2}, blocks=blocks, catch=2,
        practice={"trials": 4, "correct": 0.5, "rounds": 3}, rest_every=5,
    )  # fmt: skip
    seat = plan.make_seat(asked, 1, "01")
    own = plan.participant(asked, seat)
    assert own["instructions"] == pages.instructions(asked.config, asked.task, seat.keys)
    observer = Noting()
    experiment.run(asked, seat, tmp_path, lambda *_: observer, {}, durable=False)
    trials = [trial for trial, _ in session.answer_trials(trials_of(asked, seat), Noting())]
    practice = [trial for trial in trials if trial.phase == "practice"]
    assert (len(practice), len(own["practice"])) == (8, 12)
    planned = own["practice"][:8] + own["trials"]
    names = columns.names(asked.task)
    for trial, entry in zip(trials, planned, strict=True):
        row = dict(zip(names, entry["row"], strict=True))
        assert [row[f"stimulus_{n}"] for n in (1, 2, 3)] == [i.stimulus_id for i in trial.images]
        assert row["correct_response"] == asked.task.alternatives[trial.arrangement.correct]
        assert (row["phase"], float(row["level"])) == (trial.phase, trial.level)
        onset, duration = schedule(asked.config).planned(1 / 60)[1]
        assert float(row["planned_onset_2"]) == pytest.approx(onset)
        assert float(row["planned_duration_2"]) == pytest.approx(duration)
        assert ("page" in entry) == (trial.number in observer.pages)
    assert planned[8]["page"].startswith("That was practice.")
    assert not planned[8]["break"]
    breaks = [entry["page"] for entry in planned[9:] if entry.get("break")]
    assert breaks
    assert all(text.startswith("Take a break.") for text in breaks)
    parts = [entry["page"] for entry in planned[9:] if entry.get("break") is False]
    assert len(parts) == (1 if blocks else 0)


def test_a_seed_survives_a_browsers_numbers(small_experiment):
    asked = small_experiment()
    for number in range(3):
        seat = plan.make_seat(asked, number, "01")
        facts = plan.facts(asked, seat)
        assert facts["Seed"] == str(seat.seed)
        assert facts == json.loads(json.dumps(facts))
        assert facts["ParticipantOrder"] == number


def test_codes_and_numbers():
    assert [page_code(number) for number in (0, 8, 99)] == ["web01", "web09", "web100"]
    assert [plan.number_of_code(code) for code in ("web01", "web09", "web100")] == [0, 8, 99]
    for code in ("web1", "web001", "web00", "01", "Web01", "web", "web-1", "web٣٣"):
        with pytest.raises(InputError, match=f"participant '{code}': codes in a bro"):
            plan.number_of_code(code)


def test_keys_are_named_as_the_window_names_them():
    from psychopy.hardware import keyboard

    known = {*keyboard.keyNamesLinux.values(), *keyboard.keyNamesWin.values(),
             *keyboard.keyNamesMac.values()}  # fmt: skip
    assert set(KEYS) <= known
    assert browser_keys(("1", "left", "num_4", "comma")) == [
        {"name": "1", "key": "1", "code": "Digit1"},
        {"name": "left", "key": "ArrowLeft", "code": "ArrowLeft"},
        {"name": "num_4", "code": "Numpad4"},
        {"name": "comma", "key": ","},
    ]
    with pytest.raises(InputError, match=r"experiment.keys: no key of a page .* called 'lshift'"):
        browser_keys(("lshift",))

"""Sessions as the page saves them, made without a browser."""

import csv
import io
import json

from mrd.study.study import read_study
from psychophysics import experiment
from psychophysics.answer import Answer
from psychophysics.data import columns
from psychophysics.timing import Interval
from psychophysics.trials import generate_trials
from psychophysics.web import plan, saved
from tests.psychophysics.studies import change_study, study_in

SITTING = {
    "started": "2026-05-01T10:00:00+02:00", "browser": "made by hand", "screen": [1920, 1080],
    "window": [1920, 1000], "pixel_ratio": 1, "pixels_per_cm": 36.2, "cm_per_pixel": 0.0276,
    "distance": 60, "refresh_rate": 60.0, "full_screen": True,
}  # fmt: skip


def trials_of(asked, seat):
    """Return the generator of a session's trials."""
    return generate_trials(asked.conditions, asked.config, seat.seed, seat.blocks)


def saved_session(asked, seat, choose, sitting=lambda _trial: 1):
    """Return the content of a finished session, answered by `choose(trial)`."""
    shown = tuple(
        Interval(each.planned_onset, each.planned_duration, each.planned_onset, 0.1, 0)
        for each in plan.planned(asked)
    )
    rows, trials = [], trials_of(asked, seat)
    trial = next(trials)
    while trial is not None:
        choice = choose(trial)
        time = 0.5 + trial.number / 64
        answer = Answer(choice, seat.keys[choice], time, 1, 1.0, shown)
        rows.append(list(columns.row(trial, answer, asked.task, sitting(trial))))
        try:
            trial = trials.send(choice == trial.arrangement.correct)
        except StopIteration:
            trial = None
    names = list(columns.names(asked.task))
    sittings = int(rows[-1][names.index("sitting")])
    return {
        "format": plan.FORMAT, "version": plan.VERSION, "study": asked.study,
        "task": asked.task.name, "participant": seat.participant, "session": seat.session,
        "facts": plan.facts(asked, seat), "software": {"mrd-suite": "1"},
        "sittings": [SITTING] * sittings, "finished": True,
        "checksum": saved.checksum([names, *rows]), "columns": names, "rows": rows,
    }  # fmt: skip


def answered(asked, number=0, session="01"):
    """Return the content of a session in which the choices are made in turn."""
    choices = len(asked.task.alternatives)
    seat = plan.make_seat(asked, number, session)
    return saved_session(asked, seat, lambda trial: (trial.number - 1) % choices)


def as_json(content):
    """Return the bytes of the JSON file."""
    return json.dumps(content).encode()


def as_table(content):
    """Return the bytes of the CSV file: a line of JSON, then the table."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([content["columns"], *content["rows"]])
    head = {key: value for key, value in content.items() if key not in ("columns", "rows")}
    return f"# {json.dumps(head)}\r\n{text.getvalue()}".encode()


# ---- A session of eleven trials ------------------------------------------------------------------

COMPARISONS = """comparisons: [result, control]
  feedback: false
  rest_every: 3
  swap_keys: true"""


def study_with_practice(folder, small_set):
    """Write a study whose sessions have 2 × 2 trials of practice and 7 others, with breaks."""
    return change_study(
        study_in(folder, small_set, mask=0.05, trials=1),
        {
            "comparisons: [result]": COMPARISONS, "catch: 0": "catch: 1",
            "fixation: 0.1, stimulus: 0.1": "fixation: 0.05, stimulus: 0.05",
            "blank: 0.1": "blank: 0.05", "interval: 0.2": "interval: 0.05",
            "practice: {trials: 0}": "practice: {trials: 2, correct: 1, rounds: 3}",
        },
    )  # fmt: skip


def experiment_of(folder):
    """Return the experiment of the study in a folder."""
    study = read_study(folder)
    return experiment.prepare(study.name, study.seed, study.experiment, study.stimulus_set)


def is_right(trial):
    """Return whether a trial of that study gets the right answer: not 1, 2 and every third."""
    return trial.number > 2 and trial.number % 3 != 2


def choice_of(trial):
    """Return the choice by `is_right`, of the three of oddity."""
    correct = trial.arrangement.correct
    return correct if is_right(trial) else (correct + 1) % 3

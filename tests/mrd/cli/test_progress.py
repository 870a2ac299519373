"""Progress of searches, with a clock that the test controls."""

import io
import math

import pytest
from rich.console import Console

from mrd.cli.progress import Lines, Pace, search_progress
from mrd.cli.tables import duration

NAN = float("nan")


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def printed(console):
    return console.file.getvalue().splitlines()


def paper():
    return Console(file=io.StringIO(), width=200, markup=False, highlight=False)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.2, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (127, "2 min 07 s"),
        (3900, "1 h 05 min"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_the_pace_is_that_of_the_last_twenty_steps(clock):
    pace = Pace(100, clock)
    pace.step(1)
    assert math.isnan(pace.seconds_per_step)
    assert math.isnan(pace.seconds_left)
    clock.now += 60  # the first step compiles
    pace.step(2)
    assert pace.seconds_per_step == 60
    for step in range(3, 41):
        clock.now += 0.5
        pace.step(step)
    assert pace.seconds_per_step == pytest.approx(0.5)
    assert pace.seconds_left == pytest.approx(30)  # 60 steps at half a second


def test_the_pace_of_a_resumed_run_begins_where_it_resumes(clock):
    pace = Pace(100, clock)
    pace.step(80)
    clock.now += 2
    pace.step(81)
    assert pace.seconds_left == pytest.approx(38)


def test_lines_are_printed_every_five_seconds_and_at_the_end(clock):
    console = paper()
    lines = Lines(console, clock).started("bunny-lite-shape-s1", 40, "steps")
    for done in range(1, 4):
        lines.prepared("null", done, 3)
    for step in range(1, 41):
        clock.now += 1
        lines.step({"step": step, "seconds": 1.0, "loss": 1 / step, "match": NAN})
    lines.note("[note] states/00025.npz is damaged")
    lines.finished({"verdict": "result", "match": 0.4321})
    assert printed(console) == [
        "bunny-lite-shape-s1: 40 steps",
        "  null 1/3",
        "  null 3/3",
        "  step 5/40  1 s/step  loss 0.2  match –  35 s left",
        "  step 10/40  1 s/step  loss 0.1  match –  30 s left",
        "  step 15/40  1 s/step  loss 0.0667  match –  25 s left",
        "  step 20/40  1 s/step  loss 0.05  match –  20 s left",
        "  step 25/40  1 s/step  loss 0.04  match –  15 s left",
        "  step 30/40  1 s/step  loss 0.0333  match –  10 s left",
        "  step 35/40  1 s/step  loss 0.0286  match –  5 s left",
        "  step 40/40  1 s/step  loss 0.025  match –  0 s left",
        "  [note] states/00025.npz is damaged",
        "bunny-lite-shape-s1: verdict result, match 0.432",
    ]


def test_the_first_step_has_no_pace(clock):
    console = paper()
    lines = Lines(console, clock).started("bunny-lite-shape-s1", 400, "steps")
    lines.step({"step": 313, "loss": 0.25, "match": 0.5})
    assert printed(console)[-1] == "  step 313/400  loss 0.25  match 0.5"


def run_to(report):
    report = report.started("bunny-lite-shape-s1", 2, "steps")
    report.prepared("null", 1, 1)
    report.step({"step": 1, "seconds": 1.0, "loss": 0.5, "match": 0.1})
    report.note("a note")
    report.step({"step": 2, "seconds": 1.0, "loss": 0.25, "match": 0.2})
    report.finished({"verdict": "result"})


def test_without_a_terminal_there_are_lines():
    console = paper()
    with search_progress(console) as report:
        run_to(report)
    assert printed(console)[-1] == "bunny-lite-shape-s1: verdict result"
    assert "\x1b" not in console.file.getvalue()


@pytest.fixture
def terminal():
    return Console(file=io.StringIO(), width=120, markup=False, force_terminal=True)


def test_in_a_terminal_there_is_a_bar(terminal):
    with search_progress(terminal) as report:
        report = report.started("bunny-lite-shape-s1", 2, "steps")
        report.step({"step": 1, "seconds": 1.0, "loss": 0.5, "match": 0.1})
        report.step({"step": 2, "seconds": 1.0, "loss": 0.25, "match": 0.2})
    text = terminal.file.getvalue()
    assert "━━━━" in text
    assert "2/2" in text
    assert "loss 0.25  match 0.2" in text


def test_notes_and_results_stay_when_the_bar_disappears(terminal):
    with search_progress(terminal) as report:
        run_to(report)
    text = terminal.file.getvalue()
    assert "a note\n" in text
    assert "bunny-lite-shape-s1: verdict result\n" in text


def test_tasks_at_the_same_time_name_themselves_on_every_line(clock):
    console = paper()
    lines = Lines(console, clock, several=True)
    one = lines.started("one", 10, "steps")
    two = lines.started("two/series", 2, "images")
    one.step({"step": 1, "loss": 0.5, "match": 0.1})
    two.prepared("images", 2, 2)
    two.finished({"images": 2})
    one.note("a note")
    assert printed(console) == [
        "one: 10 steps",
        "two/series: 2 images",
        "one: step 1/10  loss 0.5  match 0.1",
        "two/series: images 2/2",
        "two/series: images 2",
        "one: a note",
    ]

"""What participants read."""

import pytest

from psychophysics import pages
from psychophysics.tasks.registry import TASKS
from psychophysics.trials import generate_trials


@pytest.fixture
def trials(config, condition):
    """One practice trial, then two main trials of a block and one of the next."""
    asked = config(
        procedure={"kind": "constant_stimuli", "trials": 1},
        practice={"trials": 1, "rounds": 1},
        blocks="target",
    )
    pair = [condition((0.0, 1.0), name=name) for name in ("vase", "bowl")]
    made = generate_trials(pair, asked, 1, ["vase", "bowl"])
    return [next(made), *(made.send(True) for _ in range(4))]


def test_the_first_page_is_the_studys(config):
    asked = config(instructions="Look.\n{question}\n{keys}\nBye.")
    page = pages.instructions(asked, TASKS["oddity"], ("a", "b", "c"))
    assert page.splitlines() == [
        "Look.",
        "Three pictures: two show the same thing. Which is the odd one?",
        "a = first     b = second     c = third",
        "Bye.",
        "",
        "Press space to go on.",
    ]


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_question(task, config):
    assert pages.QUESTIONS[task] in pages.instructions(
        config(task=task), TASKS[task], TASKS[task].keys
    )


def test_breaks_show_how_far_the_session_is(trials):
    """Of four trials: 1 done is a quarter, and the third begins the next block."""
    practice, first, second, third, _ = trials
    assert pages.rest(practice, first, 0, feedback=False).splitlines()[:2] == [
        "That was practice. Now the session begins.",
        "You will no longer see whether your answers are right.",
    ]  # fmt: skip
    assert "You will see whether your answers are right." in pages.rest(
        practice, first, 0, feedback=True
    )
    assert pages.rest(first, second, 1, feedback=False).splitlines()[:4] == [
        "Take a break.", "", "■■■■■□□□□□□□□□□□□□□□", "25 % done",
    ]  # fmt: skip
    assert pages.rest(second, third, 2, feedback=False).startswith("The next part begins.")


def test_feedback_reports_right_wrong_and_late_answers_apart():
    assert [pages.feedback(right) for right in (True, False, None)] == [
        "right", "wrong", "no answer in time",
    ]  # fmt: skip

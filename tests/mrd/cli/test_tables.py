"""Tables as they are printed."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from mrd.cli.tables import number, states, table, verdicts
from mrd.overview import Standing

JUDGEMENT = {
    "verdict": "result",
    "target_again": False,
    "training": {
        "metamer": False,
        "match": 0.8123,
        "null_size": 19,
        "p_bound": 0.05,
        "cameras": [
            {"camera": "c0", "passed": True, "failed": "", "null_mean": 0.2, "ceiling_mean": 0.9},
            {
                "camera": "c1",
                "passed": False,
                "failed": "match 0.712 is below 0.9",
                "null_mean": 0.4,
                "ceiling_mean": 1.0,
            },
        ],
    },
    "held_out": {"metamer": False, "match": None, "cameras": []},
    "physical_difference": {"shape": {"chamfer": 0.0512, "hausdorff": 0.2}},
}


def standing(status="done", judgement=None, message=""):
    run = SimpleNamespace(name="ball-[x]-s1", search=SimpleNamespace(total_steps=300))
    newest = {"step": 150.0, "seconds": 0.1312, "loss": 0.5, "match": float("nan")}
    return Standing(run, status, 150, newest, judgement, message)


def lines(renderable):
    console = Console(file=io.StringIO(), width=300, markup=False, highlight=False)
    console.print(renderable)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (0.05123, "0.0512"), (12345.0, "1.23e+04"), (2, "2")],
)
def test_numbers_have_three_figures(value, text):
    assert number(value) == text


def test_brackets_are_brackets():
    assert lines(table(("layer",), [("[bold]features[0]",)])) == ["layer", "[bold]features[0]"]


def test_where_runs_stand():
    assert lines(states([standing("interrupted"), standing("failed", message="disk full")])) == [
        "run          status          step  s/step  loss  match",
        "ball-[x]-s1  interrupted  150/300   0.131   0.5      –",
        "ball-[x]-s1  failed       150/300   0.131   0.5      –  disk full",
    ]


def test_what_came_out_is_reported_as_it_is():
    failed = "result: c1: match 0.712 is below 0.9 (1 of 2 cameras fail)"
    assert lines(verdicts([standing(judgement=JUDGEMENT)])) == [
        "run          match  held out  null         ceiling  physical difference  verdict",
        f"ball-[x]-s1  0.812         –  r 0.3 of 19   r 0.95  chamfer 0.0512       {failed}",
    ]


def test_a_metamer_is_called_one_with_its_p():
    passed = {**JUDGEMENT["training"], "metamer": True}
    judgement = JUDGEMENT | {"verdict": "metamer", "training": passed}
    assert lines(verdicts([standing(judgement=judgement)]))[1].endswith("metamer (p ≤ 0.05)")


def test_a_run_without_a_judgement_says_why():
    (_, row) = lines(verdicts([standing("failed", message="disk full")]))
    assert row.split() == ["ball-[x]-s1", "failed", "disk", "full"]


def test_the_target_again_is_no_metamer():
    matched = {**JUDGEMENT["training"], "metamer": True}
    again = {**JUDGEMENT, "target_again": True, "training": matched}
    assert lines(verdicts([standing(judgement=again)]))[1].endswith(
        "result: physically the target again"
    )

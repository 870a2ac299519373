"""Tables as they are printed."""

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
from rich.console import Console

from mrd.cli.progress import bars_on
from mrd.cli.tables import console, images, number, reasons, states, table, verdicts, widest
from mrd.workflow.reaches import reaches
from mrd.workflow.standings import ImagesStatus, RunStatus

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


# As long as the longest reason that a run can have.
LONG = "the search passed few of its kept states in growing distance; " * 5 + "lower series.levels"


def standing(
    status="done",
    judgement=None,
    message="",
    name="ball-[x]-s1",
    searched="shape",
    goal="metamer",
):
    run = SimpleNamespace(
        name=name,
        search=SimpleNamespace(total_steps=300, mode="diverge", attributes=(searched,), goal=goal),
        spec=SimpleNamespace(target="teapot", search=f"far {searched}", model="lite0", seed=1),
    )
    newest = {"step": 150.0, "seconds": 0.1312, "loss": 0.5, "match": float("nan")}
    return RunStatus(run, status, 150, newest, judgement, message)


def lines(renderable, width=300):
    console = Console(file=io.StringIO(), width=width, markup=False, highlight=False)
    console.print(renderable)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (float("nan"), "–"), (0.05123, "0.0512"), (12345.0, "1.23e+04"), (2, "2")],
)
def test_numbers_have_three_figures(value, text):
    assert number(value) == text


def test_brackets_are_brackets():
    assert lines(table(("layer",), [("[bold]features[0]",)])) == ["layer", "[bold]features[0]"]


def test_the_progress_of_runs():
    runs = [
        standing("interrupted"),
        standing("failed", message="disk full"),
        standing(judgement=JUDGEMENT),
    ]
    assert lines(states(runs)) == [
        "run          status          step  s/step  loss  match  verdict",
        "ball-[x]-s1  interrupted  150/300   0.131   0.5      –",
        "ball-[x]-s1  failed       150/300   0.131   0.5      –",
        "ball-[x]-s1  done         150/300   0.131   0.5  0.812  not a metamer",
    ]
    runs = runs[:2]
    assert reasons(runs, []) == ["ball-[x]-s1: disk full"]


def test_a_result_and_the_reason_why_it_is_not_a_metamer():
    run = standing(judgement=JUDGEMENT)
    assert lines(verdicts([run])) == [
        "run          match  held out  r of null        of ceiling  physical difference  verdict",
        "ball-[x]-s1  0.812         –  0.3 (19 scenes)        0.95  chamfer 0.0512       "
        "not a metamer",
    ]
    assert reasons([run], []) == ["ball-[x]-s1: c1: match 0.712 is below 0.9 (1 of 2 cameras fail)"]


def test_a_run_with_warnings_has_a_mark_and_lines_with_advice():
    texts = ("the loss stays at 98%; try more samples", "the mesh folds; try a larger smoothness")
    running = replace(standing("running"), warnings=texts[:1])
    done = replace(standing(judgement=JUDGEMENT), warnings=texts)
    header, *rows = lines(states([running, done, standing("interrupted")]))
    column = header.index("status")
    marks = [row[column:].split("  ")[0] for row in rows]
    assert marks == ["running !", "done !", "interrupted"]
    assert reasons([done], []) == [
        "ball-[x]-s1: c1: match 0.712 is below 0.9 (1 of 2 cameras fail)",
        *(f"ball-[x]-s1: warning: {text}" for text in texts),
    ]


@pytest.mark.parametrize(("failing", "named"), [(3, 3), (6, 4)])
def test_the_first_failing_cameras_are_named_with_their_reasons(failing, named):
    cameras = [
        JUDGEMENT["training"]["cameras"][0]
        | {"camera": f"c{c}", "passed": c >= failing, "failed": f"reason {c}" * (c < failing)}
        for c in range(7)
    ]
    run = standing(judgement=JUDGEMENT | {"training": JUDGEMENT["training"] | {"cameras": cameras}})
    shown = ", ".join(f"c{c}: reason {c}" for c in range(named))
    assert reasons([run], []) == [f"ball-[x]-s1: {shown} ({failing} of 7 cameras fail)"]


def test_a_metamer_has_its_p():
    passed = {**JUDGEMENT["training"], "metamer": True}
    run = standing(judgement=JUDGEMENT | {"verdict": "metamer", "training": passed})
    assert lines(verdicts([run]))[1].endswith("metamer (p ≤ 0.05)")
    assert reasons([run], []) == []


def test_a_failed_run_has_its_reason():
    run = standing("failed", message="disk full")
    (_, row) = lines(verdicts([run]))
    assert row.split() == ["ball-[x]-s1", "failed"]
    assert reasons([run], []) == ["ball-[x]-s1: disk full"]


def test_the_target_again_is_recovered_and_not_a_metamer():
    matched = {**JUDGEMENT["training"], "metamer": True}
    judgement = {**JUDGEMENT, "target_again": True, "training": matched}
    run = standing(judgement=judgement)
    assert lines(verdicts([run]))[1].endswith("  recovered")
    assert lines(states([run]))[1].endswith("  recovered")
    assert reasons([run], []) == [
        "ball-[x]-s1: recovered, not a metamer: the search found the target again, which is no "
        "failure; for a metamer, match later layers, use mode: diverge or set early_stopping.match"
    ]
    assert reasons([standing(judgement=judgement, goal="recover")], []) == []


def test_a_metamer_is_not_recovered():
    matched = {**JUDGEMENT["training"], "metamer": True}
    judgement = JUDGEMENT | {"verdict": "metamer", "training": matched}
    (reason,) = reasons([standing(judgement=judgement, goal="recover")], [])
    assert "a metamer, not recovered: the activations match, but the scene is not the" in reason


def test_a_scene_near_the_target_whose_activations_do_not_match_is_not_recovered():
    run = standing(judgement=JUDGEMENT | {"target_again": True}, goal="recover")
    assert lines(verdicts([run]))[1].endswith("not a metamer")
    assert reasons([run], []) == ["ball-[x]-s1: c1: match 0.712 is below 0.9 (1 of 2 cameras fail)"]


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [({"label_name": "moon"}, "1 (moon)"), ({"label_name": ""}, "1"), ({}, "1")],
)
def test_the_class_of_a_flip_has_its_name(recorded, shown):
    camera = {"camera": "c0", "held_out": False, "flipped": True, "label": 1} | recorded
    flip = {"distance": 0.2, "cameras": [camera], "random_changes": {"flipped": 1, "of": 5}}
    run = standing(judgement=JUDGEMENT | {"flip": flip})
    assert f"flipped to class {shown} at 0.2 " in lines(verdicts([run]))[1]


def test_images_are_counted():
    shared = [ImagesStatus("families/ball", "interrupted", 3, 60, "")]
    assert lines(images([], shared)) == [
        "images of      status       finished images",
        "families/ball  interrupted             3/60",
    ]


def test_a_long_reason_widens_no_row_and_is_printed_once():
    runs = [
        standing("failed", message=LONG, name="a"),
        standing("failed", message=LONG, name="b"),
        standing("pending", name="c"),
    ]
    shared = [ImagesStatus("families/ball", "failed", 3, 60, LONG)]
    printed = [
        *lines(verdicts(runs), 80),
        *lines(states(runs), 80),
        *lines(images(runs, shared), 80),
        *reasons(runs, shared),
    ]
    *rows, last = printed
    assert last == f"a, b, families/ball: {LONG}"
    assert max(map(len, rows)) <= 80
    assert len(rows) == 4 + 4 + 2  # none is folded


def test_rows_have_no_blanks_at_their_ends():
    shown = table(("step", "why"), [("build", "short"), ("embed", LONG)])
    assert lines(shown, 10_000) == ["step   why", "build  short", f"embed  {LONG}"]
    folded = lines(shown, 60)
    assert folded[1] == "build  short"
    assert max(map(len, folded)) <= 60
    assert "".join(line[7:] for line in folded[2:]).replace(" ", "") == LONG.replace(" ", "")


# ---- Reaches -------------------------------------------------------------------------------------


def reached(distance, *starts, control=None):
    """Return a judgement with starts (distance and verdict) and a control."""
    each_start = [{"distance": far, "match": 0.95, "verdict": verdict} for far, verdict in starts]
    return JUDGEMENT | {"reach": {"distance": distance, "starts": each_start, "control": control}}


def test_the_reach_of_every_search_or_why_it_has_none():
    near, far, alike = (3.05, "metamer"), (3.42, "metamer"), (2.9, "result")
    nothing = (None, "nothing alike was kept")
    ended, open_ended = ({"distance": 0.71, "failed_at": end} for end in (0.75, None))
    found = reaches(
        [
            standing(judgement=reached(3.42, near, far, alike, control=ended), searched="pose"),
            standing(judgement=reached(1.2, far, control=open_ended), searched="material"),
            standing(judgement=reached(None, alike, nothing, control={"distance": None})),
            standing(judgement=reached(None, nothing, nothing), searched="lighting"),
            standing(judgement=reached(None, near, alike), searched="pose"),
            standing("interrupted", message=LONG),
        ]
    )
    shown = lines(widest(found), 120)
    assert shown == [
        "target  search        attribute  model  seed  reach  control             starts",
        "teapot  far pose      pose       lite0     1   3.42     0.71  degrees    2 of 3",
        "teapot  far material  material   lite0     1    1.2   ≥ 0.71  log units  1 of 1",
        "teapot  far shape     shape      lite0     1      –        –  radii      "
        "0 of 2, the criterion fails all",
        "teapot  far lighting  lighting   lite0     1      –        –  log units  "
        "0 of 2, none kept a match",
        "teapot  far pose      pose       lite0     1      –        –  degrees    "
        "1 of 2, none when scored again",
        "teapot  far shape     shape      lite0     1      –        –  radii      "
        "search interrupted",
    ]
    assert max(map(len, shown)) <= 120


def test_a_search_toward_its_target_has_no_reach():
    run = standing(judgement=JUDGEMENT)
    run.run.search.mode = "match"
    assert reaches([run]) == []


# ---- Unsafe text ----------------------------------------------------------------------------

NASTY = "[red]x[/] [link=http://e.org]y[/link] :smile: \x1b[31mz\x1b[0m \u202eabc\x9b1m\x07 日本 ä"
PRINTED = (
    r"[red]x[/] [link=http://e.org]y[/link] :smile: \x1b[31mz\x1b[0m \u202eabc\x9b1m\x07 日本 ä"
)


@pytest.fixture
def printed(monkeypatch):
    """Give a function that returns what the console writes to a terminal with colours."""
    monkeypatch.setattr("sys.stdout", io.StringIO())
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)

    def of(*things):
        out = console()
        out.width = 300
        out.file = io.StringIO()
        out._force_terminal = True
        for thing in things:
            out.print(thing)
        return out.file.getvalue()

    return of


def test_names_and_notes_are_printed_as_text(printed):
    assert printed(NASTY) == f"{PRINTED}\n"
    text = printed(table(("what", NASTY), [("cell", NASTY)]))
    assert text.count(PRINTED) == 2
    assert text.replace("\x1b[1m", "").replace("\x1b[0m", "").replace("\n", "").isprintable()


def test_progress_has_no_markup(printed):
    bars = bars_on(console())
    bars.add_task("[red]images[/]", total=1, words="[link=x]")
    text = printed(bars.get_renderable())
    assert "[red]images[/]" in text
    assert "[link=x]" in text

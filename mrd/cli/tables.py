"""Tables and numbers as the commands print them."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mrd.chain import Step
from mrd.job_queue import TaskStanding
from mrd.overview import ImagesStanding, Standing
from scenes.differences import DISTANCE


def console() -> Console:
    """Make the console: as wide as the terminal, and as wide as needed where there is none."""
    return Console(
        width=None if sys.stdout.isatty() else 10_000, markup=False, highlight=False, emoji=False
    )


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()
) -> Table:
    """Make a table of plain text: brackets in it are brackets.

    Parameters
    ----------
    columns
        Headers.
    rows
        Cells of each row.
    numbers
        Those columns that are aligned at the right.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(columns))
    for column in columns:
        made.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    for row in rows:
        made.add_row(*(Text(cell) for cell in row))
    return made


def number(value: float | None) -> str:
    """Put a number in three figures, and ``–`` for what is not known."""
    return "–" if value is None or value != value else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Put a duration in words, such as ``1 h 05 min``, ``2 min 07 s`` or ``9 s``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else _hours(minutes)


def _hours(minutes: int) -> str:
    return f"{minutes // 60} h {minutes % 60:02d} min"


def checklist(steps: Sequence[Step], seconds: Mapping[str, float] | None = None) -> Table:
    """Show where the steps of a study stand, and how long those took that were carried out.

    Parameters
    ----------
    steps
        The steps.
    seconds
        By the name of a step; none by default.
    """
    took = seconds or {}
    return table(
        ("step", "", "took" if took else "", ""),
        (
            (
                f"[{'x' if step.state == 'done' else '-' if step.state == 'none' else ' '}] "
                f"{step.name}",
                "" if step.state == "none" else step.state,
                duration(took[step.name]) if step.name in took else "",
                step.why,
            )
            for step in steps
        ),
        numbers=("took",),
    )


def states(standings: Sequence[Standing]) -> Table:
    """Show where runs stand: status, step, and the last row of the history."""
    return table(
        ("run", "status", "step", "s/step", "loss", "match", ""),
        (
            (
                each.run.name,
                each.status,
                f"{each.step}/{each.run.search.total_steps}",
                number(each.newest.get("seconds")),
                number(each.newest.get("loss")),
                number(each.newest.get("match")),
                each.judgement["verdict"] if each.judgement else each.message,
            )
            for each in standings
        ),
        numbers=("step", "s/step", "loss", "match"),
    )


def images(standings: Sequence[Standing], shared: Sequence[ImagesStanding]) -> Table:
    """Show where images stand: those of every run, and those that the runs of a family share."""
    of_runs = [each.images for each in standings if each.images is not None]
    return table(
        ("images of", "status", "done", ""),
        (
            (each.name, each.status, f"{each.done}/{each.total}", each.message)
            for each in (*shared, *of_runs)
        ),
        numbers=("done",),
    )


def tasks(standings: Sequence[TaskStanding]) -> Table:
    """Show where tasks on a cluster stand: job, work, state, and where it runs or why not."""
    return table(
        ("job", "of", "in the queue", ""),
        ((each.task.job, each.task.name, each.state, each.message) for each in standings),
    )


def verdicts(standings: Sequence[Standing]) -> Table:
    """Show what came out: match, null, ceiling, physical difference, metamer or result."""
    return table(
        ("run", "match", "held out", "null", "ceiling", "physical difference", "verdict"),
        (
            (each.run.name, *_verdict(each.judgement))
            if each.judgement
            else (each.run.name, *[""] * 5, f"{each.status} {each.message}".rstrip())
            for each in standings
        ),
        numbers=("match", "held out", "ceiling"),
    )


def _verdict(judgement: dict[str, Any]) -> tuple[str, ...]:
    """Cells of one judgement. Similarities are Pearson r, means over the training cameras."""
    training, held_out = judgement["training"], judgement["held_out"]
    cameras = training["cameras"]
    differences = ", ".join(
        f"{DISTANCE[attribute].replace('_', ' ')} {number(values[DISTANCE[attribute]])}"
        for attribute, values in judgement["physical_difference"].items()
    )
    return (
        number(training["match"]),
        number(held_out["match"] if held_out["cameras"] else None),
        f"r {number(_mean(cameras, 'null_mean'))} of {training['null_size']}",
        f"r {number(_mean(cameras, 'ceiling_mean'))}",
        differences,
        _outcome(judgement),
    )


def _mean(cameras: Sequence[dict[str, Any]], key: str) -> float | None:
    values = [camera[key] for camera in cameras]
    return None if None in values else sum(values) / len(values)


def _outcome(judgement: dict[str, Any]) -> str:
    """Say what the result is called, and why where it is no metamer."""
    training = judgement["training"]
    if "flip" in judgement:
        return _flipped(judgement["flip"])
    if judgement["target_again"]:
        return "result: physically the target again"
    if not training["metamer"]:
        return _failure(training["cameras"])
    return f"metamer (p ≤ {number(training['p_bound'])})"


def _flipped(flip: dict[str, Any]) -> str:
    """Say whether a class was changed, by how little, and whom else that fools."""
    if flip["distance"] is None:
        return "not flipped"
    held_out = [each["flipped"] for each in flip["cameras"] if each["held_out"]]
    labels = dict.fromkeys(each["label"] for each in flip["cameras"] if not each["held_out"])
    words = [
        f"flipped to class {' and '.join(map(str, labels))} at {number(flip['distance'])}",
        *([f"held out {sum(held_out)} of {len(held_out)}"] if held_out else []),
        "random changes {flipped} of {of}".format(**flip["random_changes"]),
    ]
    return ", ".join(words)


def _failure(cameras: Sequence[dict[str, Any]]) -> str:
    """Say what failed first, and at how many cameras something did."""
    failed = [camera for camera in cameras if not camera["passed"]]
    first = failed[0]
    return f"result: {first['camera']}: {first['failed']}" + (
        f" ({len(failed)} of {len(cameras)} cameras fail)" if len(cameras) > 1 else ""
    )

"""Tables and numbers as the commands print them."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from mrd.generate.cluster.queue import TaskStatus
from mrd.workflow.reaches import UNITS, Reach
from mrd.workflow.standings import ImagesStatus, RunStatus
from mrd.workflow.step_reasons import StudyStep
from scenes.base.errors import printable
from scenes.differences import DISTANCE


class PlainConsole(Console):
    """A console that prints texts of others as text: no markup, no escape sequences."""

    def render_str(self, text: str, **words: Any) -> Text:
        """Make text of what prints alone."""
        return super().render_str(printable(text), **words)


def console() -> Console:
    """Make the console: as wide as the terminal, and as wide as needed where there is none."""
    return PlainConsole(
        width=None if sys.stdout.isatty() else 10_000, markup=False, highlight=False, emoji=False
    )


class Rows:
    """A table whose rows end where their text does, however long that of another row is."""

    def __init__(self, padded: Table) -> None:
        self._padded = padded

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Give the lines without the blanks at their ends."""
        for line in console.render_lines(self._padded, options, pad=False):
            while line and not line[-1].text.strip():
                line.pop()
            if line:
                text, style, control = line.pop()
                line.append(Segment(text.rstrip(), style, control))
            yield from (*line, Segment.line())


def table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()
) -> Rows:
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
        made.add_column(
            Text(printable(column)),
            justify="right" if column in numbers else "left",
            overflow="fold",
        )
    for row in rows:
        made.add_row(*(Text(printable(cell)) for cell in row))
    return Rows(made)


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


def checklist(steps: Sequence[StudyStep], seconds: Mapping[str, float] | None = None) -> Rows:
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


def states(standings: Sequence[RunStatus]) -> Rows:
    """Show where runs stand: status, step, the last row of the history, and the verdict.

    The match is that of the verdict, and of the last step (whose renders are noisier) before.
    """
    return table(
        ("run", "status", "step", "s/step", "loss", "match", "verdict"),
        (
            (
                each.run.name,
                each.status,
                f"{each.step}/{each.run.search.total_steps}",
                number(each.newest.get("seconds")),
                number(each.newest.get("loss")),
                number(
                    each.judgement["training"]["match"]
                    if each.judgement
                    else each.newest.get("match")
                ),
                each.judgement["verdict"] if each.judgement else "",
            )
            for each in standings
        ),
        numbers=("step", "s/step", "loss", "match"),
    )


def images(standings: Sequence[RunStatus], shared: Sequence[ImagesStatus]) -> Rows:
    """Show where images stand: those of every run, and those that the runs of a family share."""
    return table(
        ("images of", "status", "done"),
        (
            (each.name, each.status, f"{each.done}/{each.total}")
            for each in (*shared, *_of_runs(standings))
        ),
        numbers=("done",),
    )


def _of_runs(standings: Sequence[RunStatus]) -> list[ImagesStatus]:
    return [each.images for each in standings if each.images is not None]


def reasons(standings: Sequence[RunStatus], shared: Sequence[ImagesStatus]) -> list[str]:
    """Say why runs and images stand as they do, below their tables: a line for each reason.

    A failure, what is lost, why a result is no metamer. What is so for several names them all.
    """
    names: dict[str, list[str]] = {}
    for name, reason in (
        *((each.run.name, _reason(each)) for each in standings),
        *((each.name, each.message) for each in (*shared, *_of_runs(standings))),
    ):
        if reason and name not in names.setdefault(reason, []):
            names[reason].append(name)
    return [f"{', '.join(several)}: {reason}" for reason, several in names.items()]


def _reason(standing: RunStatus) -> str:
    return _failing(standing.judgement) if standing.judgement else standing.message


def widest(found: Sequence[Reach]) -> Rows:
    """Show how far searches went from their targets, beside their controls."""
    return table(
        ("target", "search", "attribute", "model", "seed", "reach", "control", "", "starts"),
        (
            (
                each.run.spec.target,
                each.run.spec.search,
                each.attribute,
                each.run.spec.model,
                str(each.run.spec.seed),
                number(each.distance),
                number(each.control) if each.control_ends else _at_least(each.control),
                each.unit,
                each.starts,
            )
            for each in found
        ),
        numbers=("seed", "reach", "control"),
    )


def _at_least(value: float | None) -> str:
    return number(None) if value is None else f"≥ {number(value)}"


def tasks(standings: Sequence[TaskStatus]) -> Rows:
    """Show where tasks on a cluster stand: job, work, state, and where it runs or why not."""
    return table(
        ("job", "of", "in the queue", ""),
        ((each.task.job, each.task.name, each.state, each.message) for each in standings),
    )


def verdicts(standings: Sequence[RunStatus]) -> Rows:
    """Show what came out: match, null, ceiling, physical difference, metamer or result."""
    return table(
        ("run", "match", "held out", "r of null", "of ceiling", "physical difference", "verdict"),
        (
            (each.run.name, *_verdict(each.judgement))
            if each.judgement
            else (each.run.name, *[""] * 5, each.status)
            for each in standings
        ),
        numbers=("match", "held out", "of ceiling"),
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
        f"{number(_mean(cameras, 'null_mean'))} ({training['null_size']} scenes)",
        number(_mean(cameras, "ceiling_mean")),
        differences,
        _outcome(judgement),
    )


def _mean(cameras: Sequence[dict[str, Any]], key: str) -> float | None:
    values = [camera[key] for camera in cameras]
    return None if None in values else sum(values) / len(values)


def _outcome(judgement: dict[str, Any]) -> str:
    """Say what the result is called."""
    if "flip" in judgement:
        (attribute,) = judgement["physical_difference"]
        return _flipped(judgement["flip"], UNITS[attribute])
    if _failing(judgement):
        return "result"
    return f"metamer (p ≤ {number(judgement['training']['p_bound'])})"


def _flipped(flip: dict[str, Any], unit: str) -> str:
    """Say whether a class was changed, by how little, and whom else that fools."""
    if flip["distance"] is None:
        return "not flipped"
    held_out = [each["flipped"] for each in flip["cameras"] if each["held_out"]]
    labels = dict.fromkeys(each["label"] for each in flip["cameras"] if not each["held_out"])
    words = [
        f"flipped to class {' and '.join(map(str, labels))} at {number(flip['distance'])} {unit}",
        *([f"held out {sum(held_out)} of {len(held_out)}"] if held_out else []),
        "random changes {flipped} of {of}".format(**flip["random_changes"]),
    ]
    return ", ".join(words)


def _failing(judgement: dict[str, Any]) -> str:
    """Say why a result is no metamer: what failed first, and at how many cameras something did."""
    if "flip" in judgement:
        return ""  # another class was asked for
    if judgement["target_again"]:
        return "physically the target again"
    training, cameras = judgement["training"], judgement["training"]["cameras"]
    if training["metamer"]:
        return ""
    failed = [camera for camera in cameras if not camera["passed"]]
    return f"{failed[0]['camera']}: {failed[0]['failed']}" + (
        f" ({len(failed)} of {len(cameras)} cameras fail)" if len(cameras) > 1 else ""
    )

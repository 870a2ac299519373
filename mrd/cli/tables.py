"""Tables and numbers as the commands print them."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

from mrd.criterion.recovery import METAMER, is_success, outcome
from mrd.generate.cluster.queue import TaskStatus
from mrd.workflow.reaches import Reach
from mrd.workflow.standings import ImagesStatus, RunStatus
from mrd.workflow.step_reasons import StudyStep
from scenes.base.errors import printable
from scenes.differences import DISTANCE, UNITS

FOUND_AGAIN = (
    "recovered, not a metamer: the search found the target again, which is no failure; for a "
    "metamer, match later layers, use mode: diverge or set early_stopping.match"
)
NOT_RECOVERED = (
    "a metamer, not recovered: the activations match, but the scene is not the target; for "
    "recovery, match earlier layers, or more of them"
)
MOST_REASONS = 4  # of cameras at which a result fails, in one line


class PlainConsole(Console):
    """A console that prints text unchanged: no markup, no escape sequences."""

    def render_str(self, text: str, **words: Any) -> Text:
        """Return the text with unprintable characters escaped."""
        return super().render_str(printable(text), **words)


def console() -> Console:
    """Return a console: as wide as the terminal, or as wide as needed without one."""
    return PlainConsole(
        width=None if sys.stdout.isatty() else 10_000, markup=False, highlight=False, emoji=False
    )


class Rows:
    """A table that prints no blanks at the ends of its lines."""

    def __init__(self, padded: Table) -> None:
        self._padded = padded

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the lines without the blanks at their ends."""
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
    """Return a table of plain text; the columns in `numbers` are aligned at the right."""
    result = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(columns))
    for column in columns:
        result.add_column(
            Text(printable(column)),
            justify="right" if column in numbers else "left",
            overflow="fold",
        )
    for row in rows:
        result.add_row(*(Text(printable(cell)) for cell in row))
    return Rows(result)


def number(value: float | None) -> str:
    """Return a number with three significant digits, or ``–`` for None and NaN."""
    return "–" if value is None or value != value else f"{value:.3g}"


def duration(seconds: float) -> str:
    """Return a duration as ``1 h 05 min``, ``2 min 07 s`` or ``9 s``."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes == 0:
        return f"{rest} s"
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def checklist(steps: Sequence[StudyStep], seconds: Mapping[str, float] | None = None) -> Rows:
    """Return the state of every step of a study; `seconds` are durations of steps by name."""
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


def states(statuses: Sequence[RunStatus]) -> Rows:
    """Return the progress of every run, and its verdict.

    Before the verdict, the match is that of the last step, whose renders have more noise. A status
    with "!" has a warning among the `reasons`.
    """
    return table(
        ("run", "status", "step", "s/step", "loss", "match", "verdict"),
        (
            (
                each.run.name,
                each.status + " !" * bool(each.warnings),
                f"{each.step}/{max(each.step, each.run.search.total_steps)}",
                number(each.newest.get("seconds")),
                number(each.newest.get("loss")),
                number(
                    each.judgement["training"]["match"]
                    if each.judgement
                    else each.newest.get("match")
                ),
                outcome(each.judgement) if each.judgement else "",
            )
            for each in statuses
        ),
        numbers=("step", "s/step", "loss", "match"),
    )


def images(statuses: Sequence[RunStatus], shared: Sequence[ImagesStatus]) -> Rows:
    """Return the progress of images: those that a family shares, and those of each run."""
    return table(
        ("images of", "status", "finished images"),
        (
            (each.name, each.status, f"{each.done}/{each.total}")
            for each in (*shared, *_of_runs(statuses))
        ),
        numbers=("finished images",),
    )


def _of_runs(statuses: Sequence[RunStatus]) -> list[ImagesStatus]:
    """Return the status of the images of each run that has any."""
    return [each.images for each in statuses if each.images is not None]


def reasons(statuses: Sequence[RunStatus], shared: Sequence[ImagesStatus]) -> list[str]:
    """Return one line for each failure, missing file, warning, or reason for no success.

    A line with a reason that several runs share begins with the names of all of them.
    """
    names: dict[str, list[str]] = {}
    for name, reason in (
        *((each.run.name, _failing(each) or each.message) for each in statuses),
        *((each.run.name, f"warning: {text}") for each in statuses for text in each.warnings),
        *((each.name, each.message) for each in (*shared, *_of_runs(statuses))),
    ):
        if reason and name not in names.setdefault(reason, []):
            names[reason].append(name)
    return [f"{', '.join(several)}: {reason}" for reason, several in names.items()]


def widest(found: Sequence[Reach]) -> Rows:
    """Return how far searches moved away from their targets, and how far their controls did."""
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
                ("" if each.control_ends or each.control is None else "≥ ") + number(each.control),
                each.unit,
                each.starts,
            )
            for each in found
        ),
        numbers=("seed", "reach", "control"),
    )


def tasks(statuses: Sequence[TaskStatus]) -> Rows:
    """Return the state of tasks on a cluster, and where each runs or why it does not."""
    return table(
        ("job", "of", "in the queue", ""),
        ((each.task.job, each.task.name, each.state, each.message) for each in statuses),
    )


def verdicts(statuses: Sequence[RunStatus]) -> Rows:
    """Return the results: match, null, ceiling, physical difference, outcome."""
    return table(
        ("run", "match", "held out", "r of null", "of ceiling", "physical difference", "verdict"),
        (
            (each.run.name, *_verdict(each.judgement))
            if each.judgement
            else (each.run.name, *[""] * 5, each.status)
            for each in statuses
        ),
        numbers=("match", "held out", "of ceiling"),
    )


def _verdict(judgement: dict[str, Any]) -> tuple[str, ...]:
    """Return the cells of one result; r is Pearson's, averaged over training cameras."""
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
    """Return the mean of a key over cameras; None if a camera has no value."""
    values = [camera[key] for camera in cameras]
    return None if None in values else sum(values) / len(values)


def _outcome(judgement: dict[str, Any]) -> str:
    """Return the last cell of a result: its outcome, with the p of a metamer or the new class."""
    if "flip" in judgement:
        (attribute,) = judgement["physical_difference"]
        return _flipped(judgement["flip"], UNITS[attribute])
    found = outcome(judgement)
    if found == METAMER:
        return f"{found} (p ≤ {number(judgement['training']['p_bound'])})"
    return found


def _flipped(flip: dict[str, Any], unit: str) -> str:
    """Return in words to which class a search flipped, and how large the change was."""
    if flip["distance"] is None:
        return "not flipped"
    held_out = [each["flipped"] for each in flip["cameras"] if each["held_out"]]
    trained = [each for each in flip["cameras"] if not each["held_out"]]
    labels = dict.fromkeys(_label(each) for each in trained)
    # Earlier runs have no such key.
    unstable = [each["camera"] for each in trained if not each.get("target_stable", True)]
    words = [
        f"flipped to class {' and '.join(labels)} at {number(flip['distance'])} {unit}",
        *([f"held out {sum(held_out)} of {len(held_out)}"] if held_out else []),
        "random changes {flipped} of {of}".format(**flip["random_changes"]),
        *([f"the target has no stable class at {', '.join(unstable)}"] if unstable else []),
    ]
    return ", ".join(words)


def _label(camera: dict[str, Any]) -> str:
    """Return the class at a camera, with its name if it is recorded."""
    name = camera.get("label_name")
    return f"{camera['label']} ({name})" if name else str(camera["label"])


def _failing(status: RunStatus) -> str:
    """Return why a result is not what its search is for; "" if it is, or is not scored."""
    judgement = status.judgement
    if not judgement or "flip" in judgement or is_success(judgement, status.run.search):
        return ""
    cameras = judgement["training"]["cameras"]
    if judgement["training"]["metamer"]:
        return FOUND_AGAIN if judgement["target_again"] else NOT_RECOVERED
    failed = [camera for camera in cameras if not camera["passed"]]
    reasons = ", ".join(f"{each['camera']}: {each['failed']}" for each in failed[:MOST_REASONS])
    return reasons + (
        f" ({len(failed)} of {len(cameras)} cameras fail)" if len(cameras) > 1 else ""
    )

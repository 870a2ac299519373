"""Differences between the experiments of sessions, from their sidecars.

Everything that defines a trial (task, presentation, durations, images, procedure, size on the
screen) must be the same in all sessions of a report. Minor differences, in the number of trials,
the conditions or the keys, are allowed and reported.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Any

from psychophysics.config import RATED, ExperimentConfig
from psychophysics.data import session_files
from psychophysics.data.bids_names import codes_of
from psychophysics.data.json_files import read_json
from psychophysics.data.records import is_begun
from scenes.base.errors import InputError

FALSE_ALARMS = "procedure.false_alarms"
SIZE = "size on the screen in degrees"
SIZES_ALIKE = 1.1  # ratio of equal sizes; displays of one lab differ by some per cent

# Keys of the section `experiment` whose differences are minor. The grids of QUEST+ (widths, lapses,
# false alarms) change which levels it chooses, not the trials.
MINOR = (
    "keys", "swap_keys", "rest_every", "practice", "catch", "procedure.trials",
    "procedure.trials_at_zero", "procedure.widths", "procedure.lapses", FALSE_ALARMS,
    "targets", "models", "attributes", "comparisons",
)  # fmt: skip
MINOR_FACTS = ("RefreshRate", "Psychometric", "Model")
LONGEST = 40  # characters of a value in a message

Plain = Mapping[str, Any]


def differences(one: Plain, other: Plain, *, minor: bool = False) -> dict[str, tuple[Any, Any]]:
    """Return the differences of two sidecars, key → both values: the minor or the other ones."""
    if minor:
        facts = _minor_facts(one), _minor_facts(other)
        found = {key: (facts[0][key], facts[1][key]) for key in facts[0]}
    else:
        found = {"task": (one.get("TaskName"), other.get("TaskName")), SIZE: _sizes(one, other)}
    before, after = _experiment(one), _experiment(other)
    if before and after:
        for key in sorted(before.keys() | after.keys()):
            if key.startswith(tuple(MINOR)) == minor:
                found[key] = before.get(key), after.get(key)
    return {key: (then, now) for key, (then, now) in found.items() if then != now}


def conflicts(
    sidecars: Mapping[Path, Plain], *, minor: bool = False
) -> Iterator[tuple[Path, Path]]:
    """Yield pairs of sessions that differ; if there are none, all sessions agree.

    A sidecar without an experiment or an image size agrees with all others in that. So each session
    is compared with one session of every earlier experiment, and the smallest images with the
    largest.
    """
    examples: dict[str, Path] = {}
    for path, sidecar in sidecars.items():
        minor_facts = _minor_facts(sidecar) if minor else None
        facts = sidecar.get("TaskName"), _experiment(sidecar), minor_facts
        form = json.dumps(facts, sort_keys=True)
        if form not in examples:
            for other in examples.values():
                if differences(sidecars[other], sidecar, minor=minor):
                    yield other, path
            examples[form] = path
    if minor:
        return
    sizes = {path: size for path, each in sidecars.items() if (size := _size(each))}
    for axis in (0, 1):
        order = sorted(sizes, key=lambda path: sizes[path][axis])
        if order and differences(sidecars[order[0]], sidecars[order[-1]]):
            yield order[0], order[-1]


def describe(found: Mapping[str, tuple[Any, Any]], first: str, second: str) -> str:
    """Return differences as text: ``timing.stimulus: 0.05 in 01/01, 0.2 in 02/01``."""
    return ", ".join(
        f"{key}: {str(then)[:LONGEST]} in {first}, {str(now)[:LONGEST]} in {second}"
        for key, (then, now) in found.items()
    )


def session_name(table: Path) -> str:
    """Return the name of a session: ``01/02`` is session 02 of participant 01."""
    return "/".join(codes_of(table))


def _minor_facts(sidecar: Plain) -> dict[str, Any]:
    facts = {key: sidecar["Session"].get(key) for key in MINOR_FACTS}
    return facts | {"calibrated": bool(_display(sidecar).get("Calibration"))}


def _experiment(sidecar: Plain) -> dict[str, Any]:
    """Return a session's section `experiment` with keys like ``timing.mask``, defaults included."""
    recorded = sidecar["Session"].get("Experiment")
    if not isinstance(recorded, dict):
        return {}
    procedure = recorded.get("procedure", {})
    kind = procedure.get("kind") if isinstance(procedure, dict) else None
    try:
        default = ExperimentConfig.model_validate({"procedure": {"kind": kind}} if kind else {})
    except ValueError:  # a procedure of another version
        default = ExperimentConfig()
    values = {**dict(_flat(default.as_recorded())), **dict(_flat(recorded))}
    if values["task"] != RATED:  # false-alarm rates have no effect
        values.pop(FALSE_ALARMS, None)
    return values


def _flat(values: Mapping[str, Any], place: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{place}{key}.")
        else:
            yield f"{place}{key}", value


def _display(sidecar: Plain) -> Plain:
    """Return the display at the last start of the program that recorded one."""
    sittings = sidecar.get("Sittings")
    for sitting in reversed(sittings if isinstance(sittings, list) else []):
        if isinstance(sitting, dict) and isinstance(sitting.get("Display"), dict):
            return dict(sitting["Display"])
    return {}


def _size(sidecar: Plain) -> tuple[float, float] | None:
    """Return width and height of images in degrees; None if unknown."""
    with suppress(TypeError, ValueError):
        width, height = map(float, _display(sidecar).get("StimulusDegrees", ()))
        if 0 < width < inf and 0 < height < inf:
            return width, height
    return None


def _sizes(one: Plain, other: Plain) -> tuple[Any, Any]:
    """Return both image sizes in degrees; (None, None) if nearly equal or one is unknown."""
    a, b = _size(one), _size(other)
    if not (a and b):
        return None, None
    if all(1 / SIZES_ALIKE <= x / y <= SIZES_ALIKE for x, y in zip(a, b, strict=True)):
        return None, None
    return [round(x, 2) for x in a], [round(y, 2) for y in b]


# ---- Before a session --------------------------------------------------------------------------


DescribedSessions = Sequence[tuple[Path, Plain]]  # table and sidecar of each


def check_set(folder: Path, people: DescribedSessions, content_hash: str, path: Path) -> None:
    """Raise if a session of people was made with another stimulus set than the one at `path`."""
    others: dict[str, list[str]] = {}
    for table, sidecar in people:
        shown = str(sidecar["Session"].get("StimulusSet"))
        if shown != content_hash:
            others.setdefault(shown, []).append(session_name(table))
    for shown, names in others.items():
        earlier = path.with_name(f"{path.stem}-{shown[:12]}{path.suffix}")
        where = f" ({earlier})" if earlier.is_file() else ""
        raise InputError(
            f"{folder}: holds sessions of stimulus set {shown[:12]} ({len(names)}, such as "
            f"{names[0]}), and {path} is {content_hash[:12]}; restore that set{where} to continue, "
            "or move those sessions to another folder to start with this one"
        )


def remarks(folder: Path, people: DescribedSessions, sidecar: Plain) -> list[str]:
    """Return a line for each way in which a new session's experiment differs from earlier ones."""
    found: Counter[str] = Counter()
    for _, other in people:
        if other["Session"].get("StimulusSet") == sidecar["Session"].get("StimulusSet"):
            found[describe(differences(other, sidecar), "those", "this one")] += 1
    return [
        f"{folder}: holds sessions of another experiment ({count}; {what}); mrd analyse does not "
        "pool them with this one"
        for what, count in found.items()
        if what
    ]


def sessions_of_people(folder: Path) -> list[tuple[Path, dict[str, Any]]]:
    """Return table and sidecar of each session of a person with a trial; skip unreadable ones."""
    sessions = []
    for table in session_files.find(folder).tables:
        with suppress(InputError):
            sidecar = read_json(table.with_suffix(".json"))
            session = sidecar.get("Session")
            person = isinstance(session, dict) and session.get("Observer") == "person"
            if person and is_begun(table, sidecar):
                sessions.append((table, sidecar))
    return sessions

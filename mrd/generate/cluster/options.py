"""What every task of a study asks of Slurm: words such as ``time=4:00:00``, read and checked."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scenes.base.errors import InputError, nearest

LEAST_MINUTES = 2
LEAD_SECONDS = 60  # what a task is told before its time is up; Slurm may tell it a minute earlier

_CLOCK = r"\d+|\d+:[0-5]?\d|\d+:[0-5]?\d:[0-5]?\d"
_DAYS = r"\d+-(?:[01]?\d|2[0-3])(?::[0-5]?\d){0,2}"


@dataclass(frozen=True)
class Request:
    """What a task asks for.

    Attributes
    ----------
    given
        The words as they were written, by key.
    minutes
        Time of a task, whole minutes, before it is stopped and queued again.
    parameters
        The same for submitit's Slurm executor, time included.
    """

    given: Mapping[str, str]
    minutes: int
    parameters: Mapping[str, Any]


def request(words: Sequence[str]) -> Request:
    """Read words of the form ``key=value``.

    Raises
    ------
    InputError
        A word is no such pair, a key is unknown or named twice, a value is not what its key takes,
        or `time` is missing.
    """
    given: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--slurm {word}: is no key=value; write for example time=4:00:00")
        if key not in KEYS:
            raise InputError(
                f"--slurm {word}: there is no key '{key}'; {nearest(key, KEYS)} "
                f"known: {', '.join(KEYS)}"
            )
        if key in given:
            raise InputError(f"--slurm {word}: {key} is named twice; keep one of them")
        given[key] = value
    if "time" not in given:
        raise InputError(
            "--slurm: time is missing, after which a task stops and is queued again; "
            "add for example time=4:00:00"
        )
    parameters = {KEYS[key].parameter: _value(key, value) for key, value in given.items()}
    return Request(given, parameters["time"], parameters)


def minutes(text: str) -> int | None:
    """Whole minutes, rounded up, of a time as Slurm writes it; None where it is none.

    Parameters
    ----------
    text
        ``minutes``, ``minutes:seconds``, ``hours:minutes:seconds``, ``days-hours``,
        ``days-hours:minutes`` or ``days-hours:minutes:seconds`` (the forms that ``man sbatch``
        lists).
    """
    if re.fullmatch(_DAYS, text, re.ASCII):
        days, _, clock = text.partition("-")
        hours, *rest = [int(part) for part in clock.split(":")]
        parts = [int(days) * 24 + hours, *rest, 0, 0][:3]
    elif re.fullmatch(_CLOCK, text, re.ASCII):
        parts = [int(part) for part in text.split(":")]
        parts = {1: [0, *parts, 0], 2: [0, *parts], 3: parts}[len(parts)]
    else:
        return None
    hours, whole, seconds = parts
    return hours * 60 + whole + -(-seconds // 60)


def _value(key: str, text: str) -> Any:
    """What submitit is given for a key."""
    value = KEYS[key].read(text)
    if value is None:
        raise InputError(f"--slurm {key}={text}: '{text}' is not {KEYS[key].allowed}")
    return value


def _time(text: str) -> int | None:
    found = minutes(text)
    return found if found is not None and found >= LEAST_MINUTES else None


def _name(text: str) -> str | None:
    """Anything that is one word on a line of a batch script."""
    return text if text and text.isprintable() and not re.search(r"[\s'\"]", text) else None


def _count(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII) else None


def _matching(pattern: str) -> Callable[[str], str | None]:
    return lambda text: text if re.fullmatch(pattern, text, re.ASCII) else None


@dataclass(frozen=True)
class _Key:
    """A key: submitit's name for it, how its value is read (None: not allowed), what is allowed."""

    parameter: str
    read: Callable[[str], Any]
    allowed: str


_ONE_WORD = "a name without spaces and quotes"
_WHOLE = "a whole number from 1"

KEYS: Mapping[str, _Key] = {
    "time": _Key(
        "time",
        _time,
        f"a time of {LEAST_MINUTES} minutes or more; write minutes, hours:minutes:seconds or "
        "days-hours, such as 4:00:00",
    ),
    "partition": _Key("partition", _name, _ONE_WORD),
    "gpus": _Key(
        "gpus_per_node",
        _matching(r"(?:[A-Za-z][\w.-]*:)?[1-9]\d?"),
        "a number of GPUs such as 1, or a100:1",
    ),
    "cpus": _Key("cpus_per_task", _count, _WHOLE),
    "mem": _Key("mem", _matching(r"[1-9]\d*[KMGT]?"), "an amount of memory such as 16G"),
    "account": _Key("account", _name, _ONE_WORD),
    "qos": _Key("qos", _name, _ONE_WORD),
    "constraint": _Key("constraint", _name, _ONE_WORD),
    "exclude": _Key("exclude", _name, _ONE_WORD),
    "at_once": _Key("array_parallelism", _count, _WHOLE),
}
"""What a task may ask for; the names are sbatch's, but for `gpus`, `cpus` (both of a task) and
`at_once`, the most tasks of an array that run at the same time."""

"""Slurm options of a study's tasks, given as words such as ``time=4:00:00``.

Values are passed on to submitit; Slurm itself refuses values that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scenes.base.errors import InputError, nearest

LEAST_MINUTES = 2
LEAD_SECONDS = 60  # Slurm warns a task this long before its time ends, or up to a minute earlier

PARAMETERS = {
    "time": "time",
    "partition": "partition",
    "gpus": "gpus_per_node",
    "cpus": "cpus_per_task",
    "mem": "mem",
    "account": "account",
    "qos": "qos",
    "constraint": "constraint",
    "exclude": "exclude",
    "at_once": "array_parallelism",
}
"""Option → submitit's name of it. The options are sbatch's, except `gpus` and `cpus` (of one task)
and `at_once`, the largest number of tasks of an array that run at the same time."""


@dataclass(frozen=True)
class SlurmOptions:
    """Slurm options of every task.

    `given` holds the words that the user wrote, `minutes` the time limit, and `parameters` the
    same options by submitit's names.
    """

    given: Mapping[str, str]
    minutes: int
    parameters: Mapping[str, Any]


def read_options(words: Sequence[str]) -> SlurmOptions:
    """Read words of the form ``key=value``; raise if one is malformed or `time` is missing."""
    written: dict[str, str] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise InputError(f"--slurm {word}: is no key=value; write for example time=4:00:00")
        if key not in PARAMETERS:
            raise InputError(
                f"--slurm {word}: there is no key '{key}'; {nearest(key, PARAMETERS)} "
                f"known: {', '.join(PARAMETERS)}"
            )
        if key in written:
            raise InputError(f"--slurm {word}: {key} is named twice; keep one of them")
        written[key] = _one_word(key, value)
    if "time" not in written:
        raise InputError(
            "--slurm: time is missing, after which a task stops and is queued again; "
            "add for example time=4:00:00"
        )
    values: dict[str, Any] = {**written, "time": _time(written["time"])}
    if "at_once" in written:  # submitit needs a number
        values["at_once"] = _count(written["at_once"])
    parameters = {PARAMETERS[key]: value for key, value in values.items()}
    return SlurmOptions(written, values["time"], parameters)


def minutes(text: str) -> int | None:
    """Return a time in minutes, rounded up; None if it is not in a form of ``man sbatch``.

    The forms are ``minutes``, ``minutes:seconds``, ``hours:minutes:seconds``, ``days-hours``,
    ``days-hours:minutes`` and ``days-hours:minutes:seconds``.
    """
    pattern = r"(?:(\d+)-)?(\d+)(?::([0-5]?\d))?(?::([0-5]?\d))?"
    match = re.fullmatch(pattern, text, re.ASCII)
    if match is None:
        return None
    days, first, *later = [None if part is None else int(part) for part in match.groups()]
    parts = [first or 0, *(part for part in later if part is not None)]
    if days is not None:
        hours, whole, seconds = [*parts, 0, 0][:3]
        if hours > 23:
            return None
        hours += 24 * days
    else:
        hours, whole, seconds = parts if len(parts) == 3 else [0, *parts, 0][:3]
    return hours * 60 + whole + -(-seconds // 60)


def _one_word(key: str, text: str) -> str:
    """Return the text; raise if it has spaces or quotes, which a batch script would split."""
    if not text or not text.isprintable() or re.search(r"[\s'\"]", text):
        raise InputError(f"--slurm {key}={text}: '{text}' is not a word without spaces and quotes")
    return text


def _time(text: str) -> int:
    """Return the time limit in minutes; raise if it is not a time, or too short."""
    whole_minutes = minutes(text)
    if whole_minutes is None or whole_minutes < LEAST_MINUTES:
        raise InputError(
            f"--slurm time={text}: '{text}' is not a time of {LEAST_MINUTES} minutes or more; "
            "write minutes, hours:minutes:seconds or days-hours, such as 4:00:00"
        )
    return whole_minutes


def _count(text: str) -> int:
    """Return a whole number from 1; raise if the text is none."""
    if not re.fullmatch(r"[1-9]\d{0,5}", text, re.ASCII):
        raise InputError(f"--slurm at_once={text}: '{text}' is not a whole number from 1")
    return int(text)

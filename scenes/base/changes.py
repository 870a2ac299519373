"""Describe the differences between two plain values, such as a stored and a new request."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_REASONS = 3  # further ones are only counted


def differences(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Yield each difference between two plain values, such as ``task: oddity then, 2afc now``.

    `place` is the key of the values, which begins each line.
    """
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            yield from differences(before.get(key), now.get(key), f"{place}.{key}".lstrip("."))
    elif before != now:
        text = f"{str(before)[:40]} then, {str(now)[:40]} now"
        yield f"{place}: {text}" if place else text


def in_words(reasons: Sequence[str]) -> str:
    """Join reasons into one line: the first few, then the number of the others."""
    shown = list(reasons[:MOST_REASONS])
    hidden = len(reasons) - len(shown)
    return "; ".join([*shown, f"and {hidden} more"] if hidden else shown)


def changes(before: Any, now: Any, place: str = "") -> str:
    """Return the differences between two plain values in one line."""
    return in_words(list(differences(before, now, place)))


def as_read(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return plain values in the form that writing them to JSON and reading them back gives."""
    read: dict[str, Any] = json.loads(json.dumps(content))
    return read

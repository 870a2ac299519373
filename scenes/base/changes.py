"""Name what differs between two plain values."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

MOST_REASONS = 3  # further ones are counted


def differences(before: Any, now: Any, place: str = "") -> Iterator[str]:
    """Name what differs between two plain values, such as ``task: oddity then, 2afc now``."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted(before.keys() | now.keys()):
            yield from differences(before.get(key), now.get(key), f"{place}.{key}".lstrip("."))
    elif before != now:
        text = f"{str(before)[:40]} then, {str(now)[:40]} now"
        yield f"{place}: {text}" if place else text


def in_words(reasons: Sequence[str]) -> str:
    """Join reasons; of many, the first few are told."""
    told = list(reasons[:MOST_REASONS])
    left = len(reasons) - len(told)
    return "; ".join([*told, f"and {left} more"] if left else told)


def changes(before: Any, now: Any, place: str = "") -> str:
    """Name what differs between two plain values: ``samples.score: 64 then, 144 now``."""
    return in_words(list(differences(before, now, place)))


def as_read(content: Mapping[str, Any]) -> dict[str, Any]:
    """Give plain values as they come back from a file: what is compared with one."""
    read: dict[str, Any] = json.loads(json.dumps(content))
    return read

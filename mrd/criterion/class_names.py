"""Names of classes beside their numbers, where people read them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any


def class_name(label: int, names: Sequence[str]) -> str:
    """Return the first name of a class; "" if it is not known."""
    return names[label].split(",")[0] if label < len(names) else ""


def with_class_names(reason: str, names: Sequence[str]) -> str:
    """Return why a result fails at a camera, with the name after each class number if known."""
    start, word, rest = reason.partition("class ")  # no other numbers follow

    def named(number: re.Match[str]) -> str:
        name = class_name(int(number[0]), names)
        return f"{number[0]} ({name})" if name else number[0]

    return start + word + re.sub(r"\d+", named, rest)


def score_with_class_names(score: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Return the content of a `criterion.json` with class names in reasons, and of a flip."""
    named = dict(score)
    for group in ("training", "held_out"):
        cameras = [
            each | {"failed": with_class_names(each["failed"], names)}
            for each in score[group]["cameras"]
        ]
        named[group] = score[group] | {"cameras": cameras}
    if "flip" in score:
        cameras = [
            each | {"label_name": class_name(each["label"], names)}
            for each in score["flip"]["cameras"]
        ]
        named["flip"] = score["flip"] | {"cameras": cameras}
    return named

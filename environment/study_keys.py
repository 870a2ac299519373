"""The table of keys in `docs/study_file.md`, from the code that reads study files.

``python environment/study_keys.py`` writes it below the line `MARK`; a test fails if the page is
out of date. The meaning of a key is in the docstring of its class.
"""

import json
import re
from collections import deque
from collections.abc import Iterator
from inspect import isclass
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

import griffe
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from mrd.study.study import Study

PAGE = Path(__file__).resolve().parents[1] / "docs" / "study_file.md"
MARK = "<!-- Below: python environment/study_keys.py -->\n"

Part = type[BaseModel]


def with_reference(page: str) -> str:
    """Return the page with the current table of keys."""
    headings = _headings()
    sections = [_section(part, headings) for part in headings]
    return page.split(MARK)[0] + MARK + "\n" + "\n".join(sections)


def _headings() -> dict[Part, str]:
    """Return every part of a study file with its heading, in the order of the sections."""
    found: dict[Part, str] = {}
    waiting: deque[tuple[Part, tuple[str, ...]]] = deque([(Study, ())])
    while waiting:
        part, path = waiting.popleft()
        if part in found:
            continue
        kind = _kind(part)
        found[part] = f"{': '.join(path) or 'The whole file'}{f', kind {kind}' if kind else ''}"
        for name, field in part.model_fields.items():
            waiting.extend((inner, (*path, name)) for inner in _parts_in(field.annotation))
    return dict(sorted(found.items(), key=lambda each: _place(each[1])))


def _place(heading: str) -> tuple[int, str]:
    """Return the sorting key of a part: the position of its section."""
    sections = ["The whole file", *Study.model_fields]
    return sections.index(re.split(r"[:,]", heading)[0]), ""


def _parts_in(annotation: Any) -> Iterator[Part]:
    """Yield the parts that a key's value can be."""
    if isclass(annotation) and issubclass(annotation, BaseModel):
        yield annotation
    for each in get_args(annotation):
        yield from _parts_in(each)


def _kind(part: Part) -> str:
    """Return the value of `kind` for a part that is one of several; "" for others."""
    field = part.model_fields.get("kind")
    kinds = get_args(field.annotation) if field else ()
    return str(kinds[0]) if len(kinds) == 1 else ""


def _section(part: Part, headings: dict[Part, str]) -> str:
    text, meanings = _meanings(part)
    keys = [
        (meanings[name] + _links(field, headings), f"`{name}`", _default(field))
        for name, field in part.model_fields.items()
        if name != "kind" or not _kind(part)
    ]
    rows = []
    for meaning, same in groupby(keys, key=lambda key: key[0]):
        _, names, defaults = zip(*same, strict=True)
        alike = len(set(defaults)) == 1
        shown = defaults[0] if alike else ", ".join(defaults)
        rows.append(f"| {', '.join(names)} | {shown} | {meaning} |")
    table = ["| key | default | |", "|---|---|---|", *rows]
    return "\n".join([f"### {headings[part]}\n", f"{text}\n", *table, ""])


def _meanings(part: Part) -> tuple[str, dict[str, str]]:
    """Return the docstring's text about a part and about each of its keys, as Markdown."""
    text = ""
    meanings: dict[str, str] = {}
    for section in griffe.Docstring(part.__doc__ or "").parse("numpy", warnings=False):
        if section.kind is griffe.DocstringSectionKind.text:
            text = _line(section.value)
        if section.kind is griffe.DocstringSectionKind.parameters:
            for key in section.value:
                meanings |= dict.fromkeys(key.name.split(", "), _line(key.description))
    return text, meanings


def _line(text: str) -> str:
    return re.sub(r"\s+", " ", text.replace("``", "`")).replace("|", "\\|").strip()


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "to be given"
    value = field.get_default(call_default_factory=True)
    if value is None or isinstance(value, BaseModel):
        return ""
    if isinstance(value, str) and "\n" in value:
        return "a text"
    shown = value if isinstance(value, str) else json.dumps(value).replace('"', "")
    return f"`{shown}`"


def _links(field: FieldInfo, headings: dict[Part, str]) -> str:
    """Return links to the sections of the parts that a key's value can be."""
    links = [
        f"[{_kind(part) or 'its keys'}](#{_anchor(headings[part])})"
        for part in dict.fromkeys(_parts_in(field.annotation))
    ]
    return f" → {', '.join(links)}" if links else ""


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-").lower()


if __name__ == "__main__":
    PAGE.write_text(with_reference(PAGE.read_text(encoding="utf-8")), encoding="utf-8")

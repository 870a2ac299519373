"""A YAML file as plain values, with the line of every one of them.

The file is composed, never constructed: no tag of it can make an object. Only the values that a
person would write by hand are let through (mappings, lists, text, numbers, true and false, null).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from scenes.base.errors import InputError

MOST_BYTES = 500_000
MOST_VALUES = 50_000

Value = dict[str, "Value"] | list["Value"] | str | int | float | bool | None
Location = tuple[str | int, ...]

_PLAIN = "tag:yaml.org,2002:"
_SCALARS = {f"{_PLAIN}{kind}" for kind in ("str", "int", "float", "bool", "null")}
_TEXT = {f"{_PLAIN}{kind}" for kind in ("timestamp", "merge", "value")}


@dataclass(frozen=True)
class Document:
    """What a YAML file says, and where.

    Parameters
    ----------
    path
        The file, as it was asked for.
    data
        Its content: a mapping of plain values.
    lines
        Line number, from 1, of every key and list item, by its location in `data`.
    """

    path: Path
    data: dict[str, Value]
    lines: Mapping[Location, int]

    def line(self, location: Location) -> int:
        """Line of a location, or of the nearest thing around it that the file holds."""
        while location not in self.lines and location:
            location = location[:-1]
        return self.lines.get(location, 1)

    def error(self, location: Location, text: str) -> InputError:
        """Complaint about what stands at a location: ``study.yaml:12: searches.a.steps: …``."""
        where = f"{dotted(location)}: " if location else ""
        return InputError(f"{self.path}:{self.line(location)}: {where}{text}")


def dotted(location: Location) -> str:
    """Location as people write it: ``searches.shape.seeds[0]``."""
    text = ""
    for part in location:
        text += f"[{part}]" if isinstance(part, int) else f".{part}"
    return text.removeprefix(".")


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises
    ------
    InputError
        The file is missing, unreadable, no UTF-8, no YAML, not a mapping, larger than 500 kB;
        a key occurs twice, a value is tagged, or a number has more than 308 digits.
    """
    text = _text(path)
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        if not isinstance(root, MappingNode):
            found = "empty" if root is None else f"a {_kind(root)}"
            raise InputError(
                f"{path}:1: the file is {found}; it must be a mapping (lines of 'key: value')"
            )
        lines: dict[Location, int] = {}
        data = _mapping(root, (), _Reader(path, yaml, lines))
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        advice = (
            "indent with spaces, not with tabs"
            if "'\\t'" in str(error.problem)
            else "look at colons, quotes, brackets and indentation there and in the line before"
        )
        raise InputError(f"{path}{line}: broken YAML: {error.problem}; {advice}") from error
    except YAMLError as error:
        raise InputError(f"{path}: broken YAML: {error}; remove it") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply; a study needs no more than ten") from error
    return Document(path, data, lines)


def _text(path: Path) -> str:
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file or folder") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MOST_BYTES:
        raise InputError(f"{path}: {len(content)} bytes; at most {MOST_BYTES} are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: not UTF-8; save the file as UTF-8") from error


def _kind(node: Node) -> str:
    return {ScalarNode: "single value", SequenceNode: "list", MappingNode: "mapping"}[type(node)]


class _Reader:
    """Turns nodes into values, counting them: aliases of aliases can multiply without end."""

    def __init__(self, path: Path, yaml: YAML, lines: dict[Location, int]) -> None:
        self.path, self.yaml, self.lines = path, yaml, lines
        self.values = 0

    def error(self, node: Node, location: Location, text: str) -> InputError:
        where = f"{dotted(location)}: " if location else ""
        return InputError(f"{self.path}:{node.start_mark.line + 1}: {where}{text}")

    def count(self, node: Node, location: Location) -> None:
        self.values += 1
        if self.values > MOST_VALUES:
            raise self.error(node, location, f"more than {MOST_VALUES} values; are aliases nested?")


def _value(node: Node, location: Location, reader: _Reader) -> Value:
    reader.count(node, location)
    if isinstance(node, MappingNode) and node.tag == f"{_PLAIN}map":
        return _mapping(node, location, reader)
    if isinstance(node, SequenceNode) and node.tag == f"{_PLAIN}seq":
        items = []
        for index, item in enumerate(node.value):
            reader.lines[(*location, index)] = item.start_mark.line + 1
            items.append(_value(item, (*location, index), reader))
        return items
    if isinstance(node, ScalarNode):
        return _scalar(node, location, reader)
    raise reader.error(node, location, f"the tag {node.tag} is not allowed; remove it")


def _scalar(node: ScalarNode, location: Location, reader: _Reader) -> Value:
    node.value = _characters(node, location, reader)
    if node.tag in _TEXT:
        return str(node.value)
    if node.tag not in _SCALARS:
        raise reader.error(node, location, f"the tag {node.tag} is not allowed; remove it")
    try:
        value: Value = reader.yaml.constructor.construct_object(node)
    except ValueError as error:  # `!!int many`, and numbers of thousands of digits
        raise reader.error(
            node, location, f"'{_short(node.value)}' is not the number or word that it is marked as"
        ) from error
    if isinstance(value, int):
        try:
            float(value)
        except OverflowError as error:
            raise reader.error(
                node,
                location,
                f"{_short(node.value)} is too large; use at most 308 digits",
            ) from error
    return value


def _mapping(node: MappingNode, location: Location, reader: _Reader) -> dict[str, Value]:
    mapping: dict[str, Value] = {}
    for key, value in _pairs(node, location, reader):
        here = (*location, key.value)
        if key.value in mapping:
            raise reader.error(
                key, here, f"named twice (first in line {reader.lines[here]}); keep one of them"
            )
        reader.lines[here] = key.start_mark.line + 1
        mapping[key.value] = _value(value, here, reader)
    return mapping


def _pairs(
    node: MappingNode, location: Location, reader: _Reader
) -> Iterator[tuple[ScalarNode, Node]]:
    for key, value in node.value:
        if not isinstance(key, ScalarNode):
            raise reader.error(key, location, f"a {_kind(key)} cannot be a key; use text")
        key.value = _characters(key, location, reader)
        yield key, value


def _characters(node: ScalarNode, location: Location, reader: _Reader) -> str:
    """Text with characters that two escapes stand for, as JSON writes them, joined."""
    try:
        return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise reader.error(
            node, location, "half a character is escaped; write the character itself"
        ) from error


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:40]}…"

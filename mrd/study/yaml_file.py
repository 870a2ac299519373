"""A YAML file as plain values, with the line number of each value.

The file is parsed to YAML nodes, which are converted here, so that no tag can create an object.
Only mappings, lists, text, numbers, true, false and null are allowed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
_KINDS = {ScalarNode: "single value", SequenceNode: "list", MappingNode: "mapping"}


@dataclass(frozen=True)
class Document:
    """The content of a YAML file.

    `lines` holds the line number, from 1, of every key and list item, by its location in `data`.
    """

    path: Path
    data: dict[str, Value]
    lines: Mapping[Location, int]

    def line(self, location: Location) -> int:
        """Return the line of a location, or of its closest parent if the file lacks it."""
        while location not in self.lines and location:
            location = location[:-1]
        return self.lines.get(location, 1)

    def error(self, location: Location, text: str) -> InputError:
        """Return an error that begins with a location: ``study.yaml:12: searches.a.steps: …``."""
        return _error(self.path, self.line(location), location, text)


def _error(path: Path, line: int, location: Location, text: str) -> InputError:
    where = f"{dotted(location)}: " if location else ""
    return InputError(f"{path}:{line}: {where}{text}")


def dotted(location: Location) -> str:
    """Return a location in the usual notation: ``searches.shape.seeds[0]``."""
    parts = (f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return "".join(parts).removeprefix(".")


def read_document(path: Path) -> Document:
    """Read a YAML file whose top level is a mapping.

    Raises `InputError` if the file is missing, unreadable, not UTF-8, not YAML, not a mapping or
    larger than 500 kB, if a key occurs twice, a value has a tag, or a number is too long.
    """
    text = _text(path)
    yaml = YAML(typ="safe", pure=True)
    try:
        root = yaml.compose(text)
        if not isinstance(root, MappingNode):
            kind = "empty" if root is None else f"a {_KINDS[type(root)]}"
            raise InputError(
                f"{path}:1: the file is {kind}; it must be a mapping (lines of 'key: value')"
            )
        reader = _Reader(path, yaml)
        return Document(path, reader.mapping(root, ()), reader.lines)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = f":{mark.line + 1}" if mark else ""
        advice = (
            "indent with spaces, not with tabs"
            if "'\\t'" in str(error.problem)
            else "check colons, quotes, brackets and indentation in this line and the one before"
        )
        raise InputError(f"{path}{line}: broken YAML: {error.problem}; {advice}") from error
    except YAMLError as error:
        raise InputError(f"{path}: broken YAML: {error}; remove it") from error
    except RecursionError as error:
        raise InputError(f"{path}: nested too deeply; a study needs at most ten levels") from error


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


@dataclass
class _Reader:
    """Converts YAML nodes to values, and counts them, because nested aliases multiply values."""

    path: Path
    yaml: YAML
    lines: dict[Location, int] = field(default_factory=dict)
    values: int = 0

    def error(self, node: Node, location: Location, text: str) -> InputError:
        return _error(self.path, node.start_mark.line + 1, location, text)

    def value(self, node: Node, location: Location) -> Value:
        self.values += 1
        if self.values > MOST_VALUES:
            raise self.error(node, location, f"more than {MOST_VALUES} values; are aliases nested?")
        if isinstance(node, MappingNode) and node.tag == f"{_PLAIN}map":
            return self.mapping(node, location)
        if isinstance(node, SequenceNode) and node.tag == f"{_PLAIN}seq":
            return self.sequence(node, location)
        if isinstance(node, ScalarNode) and node.tag in _SCALARS | _TEXT:
            return self.scalar(node, location)
        raise self.error(node, location, f"the tag {node.tag} is not allowed; remove it")

    def mapping(self, node: MappingNode, location: Location) -> dict[str, Value]:
        mapping: dict[str, Value] = {}
        for key, value in node.value:
            if not isinstance(key, ScalarNode):
                raise self.error(key, location, f"a {_KINDS[type(key)]} cannot be a key; use text")
            name = self.characters(key, location)
            place = (*location, name)
            if name in mapping:
                first = self.lines[place]
                text = f"named twice (first in line {first}); keep one of them"
                raise self.error(key, place, text)
            self.lines[place] = key.start_mark.line + 1
            mapping[name] = self.value(value, place)
        return mapping

    def sequence(self, node: SequenceNode, location: Location) -> list[Value]:
        for index, item in enumerate(node.value):
            self.lines[(*location, index)] = item.start_mark.line + 1
        return [self.value(item, (*location, index)) for index, item in enumerate(node.value)]

    def scalar(self, node: ScalarNode, location: Location) -> Value:
        node.value = self.characters(node, location)
        if node.tag in _TEXT:
            return str(node.value)
        shown = node.value if len(node.value) <= 40 else f"{node.value[:40]}…"
        try:
            value: Value = self.yaml.constructor.construct_object(node)
        except ValueError as error:  # `!!int many`, and numbers of thousands of digits
            text = f"'{shown}' is not the number or word that it is marked as"
            raise self.error(node, location, text) from error
        if isinstance(value, int):
            try:
                float(value)
            except OverflowError as error:
                text = f"{shown} is too large; use at most 308 digits"
                raise self.error(node, location, text) from error
        return value

    def characters(self, node: ScalarNode, location: Location) -> str:
        """Return the text of a node, with two escapes that JSON uses for one character joined."""
        try:
            return str(node.value).encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            text = "half a character is escaped; write the character itself"
            raise self.error(node, location, text) from error
